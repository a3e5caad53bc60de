import { Boxes, LayoutDashboard, type LucideIcon, Puzzle, Settings, TriangleAlert, Users } from 'lucide-react'
import { NavLink } from 'react-router'
import { useMay } from '../session/session.js'
import classes from './Frame.module.css'

interface Place {
  to: string
  label: string
  icon: LucideIcon
}

const places: Place[] = [
  { to: '/', label: 'Dashboard', icon: LayoutDashboard },
  { to: '/plugins', label: 'Plugins', icon: Puzzle },
  { to: '/models', label: 'Models', icon: Boxes },
  { to: '/risks', label: 'Risks', icon: TriangleAlert },
]

const adminPlaces: Place[] = [{ to: '/members', label: 'Members', icon: Users }]

const lastPlaces: Place[] = [{ to: '/settings', label: 'Settings', icon: Settings }]

export function Navigation() {
  const isAdmin = useMay('Admin')
  return (
    <nav className={classes.nav} aria-label="Main">
      <ul>
        {[...places, ...(isAdmin ? adminPlaces : []), ...lastPlaces].map(({ to, label, icon: Icon }) => (
          <li key={to}>
            <NavLink to={to} end={to === '/'} className={classes.place}>
              <Icon size={17} strokeWidth={1.9} aria-hidden />
              {label}
            </NavLink>
          </li>
        ))}
      </ul>
    </nav>
  )
}
