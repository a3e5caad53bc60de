import {
  ActionIcon,
  Avatar,
  Burger,
  Drawer,
  Menu,
  Skeleton,
  Tooltip,
  UnstyledButton,
  useMantineColorScheme,
} from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { ChevronsUpDown, LogOut, Moon, Sun } from 'lucide-react'
import { lazy, Suspense, useEffect } from 'react'
import { ErrorBoundary } from 'react-error-boundary'
import { Outlet, useLocation } from 'react-router'
import { useAccount, useSignOut } from '../session/session.js'
import { Mark } from '../ui/Mark.js'
import { PageBoundary } from '../ui/PageBoundary.js'
import { showFailure } from '../ui/showOutcome.js'
import classes from './Frame.module.css'
import { Navigation } from './Navigation.js'
import { OfflineNote } from './OfflineNote.js'

const RunToasts = lazy(() => import('../runs/RunToasts.js').then((module) => ({ default: module.RunToasts })))

/** What is around every page: where one can go, who one is, light or dark. */
export function Frame() {
  const [opened, drawer] = useDisclosure(false)
  const { pathname } = useLocation()
  const { close } = drawer
  useEffect(() => {
    close()
    // A page begins at its top.
    window.scrollTo(0, 0)
  }, [pathname, close])
  return (
    <div className={classes.frame}>
      <a className="app-skip" href="#main">
        Skip to the content
      </a>
      <header className={classes.bar}>
        <Burger opened={opened} onClick={drawer.toggle} size="sm" aria-label="Open the navigation" />
        <Mark />
        <ThemeSwitch />
      </header>
      <aside className={classes.side}>
        <div className={classes.sideHead}>
          <Mark />
          <ThemeSwitch />
        </div>
        <Navigation />
        <AccountMenu />
      </aside>
      <Drawer
        opened={opened}
        onClose={drawer.close}
        size={280}
        title={<Mark />}
        closeButtonProps={{ 'aria-label': 'Close the navigation' }}
        classNames={{ body: classes.drawer }}
      >
        <Navigation />
        <AccountMenu />
      </Drawer>
      <main className={classes.main} id="main" tabIndex={-1}>
        <OfflineNote />
        <PageBoundary of={pathname}>
          <Suspense fallback={<PageSkeleton />}>
            <Outlet />
          </Suspense>
        </PageBoundary>
      </main>
      <ErrorBoundary fallback={null}>
        <Suspense fallback={null}>
          <RunToasts />
        </Suspense>
      </ErrorBoundary>
    </div>
  )
}

function PageSkeleton() {
  return (
    <div className={classes.skeleton} role="status" aria-busy aria-label="Loading">
      <Skeleton height={28} width={220} />
      <Skeleton height={16} width="60%" mt={12} />
      <Skeleton height={240} mt={32} radius="lg" />
    </div>
  )
}

function ThemeSwitch() {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const dark = colorScheme === 'dark' || (colorScheme === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches)
  const label = dark ? 'Switch to light colours' : 'Switch to dark colours'
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        onClick={() => setColorScheme(dark ? 'light' : 'dark')}
        aria-label={label}
      >
        {dark ? <Sun size={17} /> : <Moon size={17} />}
      </ActionIcon>
    </Tooltip>
  )
}

const tellStillThere = (error: Error) => showFailure('You are still signed in', error)

function AccountMenu() {
  const { user, organization } = useAccount()
  const signOut = useSignOut()
  return (
    <Menu position="top-start" width="target">
      <Menu.Target>
        <UnstyledButton className={classes.account}>
          <Avatar size={32} radius="xl" name={`${user.name} ${user.surname}`} className={classes.avatar} />
          <span className={classes.accountText}>
            <strong>
              {user.name} {user.surname}
            </strong>
            <span>
              {organization.name} · {user.role}
            </span>
          </span>
          <ChevronsUpDown size={15} aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label className={classes.email}>{user.email}</Menu.Label>
        <Menu.Item
          leftSection={<LogOut size={15} />}
          onClick={() => signOut.mutate(undefined, { onError: tellStillThere })}
        >
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
