import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core'
import { steadyButtons } from '@tenon/react'

const iris: MantineColorsTuple = [
  '#f2f3fe',
  '#e4e6fb',
  '#c6caf5',
  '#a5abef',
  '#8790ea',
  '#6d77e3',
  '#4f5bd5',
  '#414bb9',
  '#363f98',
  '#2b3278',
]

const slate: MantineColorsTuple = [
  '#f8f9fb',
  '#f1f3f6',
  '#e5e8ee',
  '#d3d8e0',
  '#a9b1bf',
  '#7a8496',
  '#5a6475',
  '#434b5a',
  '#2b313c',
  '#1a1e26',
]

const night: MantineColorsTuple = [
  '#e6e9ef',
  '#c6ccd8',
  '#a3acbd',
  '#7e8899',
  '#434b59',
  '#333a46',
  '#272d37',
  '#1c2129',
  '#151920',
  '#0f1217',
]

const font = "'Inter Variable', system-ui, -apple-system, 'Segoe UI', sans-serif"

/** Calm neutrals, one accent; every pair of text and ground has at least the contrast of WCAG AA. */
export const theme = createTheme({
  colors: { iris, gray: slate, dark: night },
  primaryColor: 'iris',
  primaryShade: 6,
  fontFamily: font,
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.125rem' },
  headings: { fontFamily: font, fontWeight: '620' },
  defaultRadius: 'md',
  radius: { xs: '4px', sm: '6px', md: '8px', lg: '12px', xl: '20px' },
  cursorType: 'pointer',
  respectReducedMotion: true,
  focusRing: 'auto',
  components: {
    ...steadyButtons,
    Modal: {
      defaultProps: { centered: true, radius: 'lg', padding: 'xl', overlayProps: { backgroundOpacity: 0.45 } },
      classNames: { title: 'app-dialog-title' },
    },
    // The head of a dialog is not that of the page.
    ModalHeader: { defaultProps: { role: 'none' } },
    DrawerHeader: { defaultProps: { role: 'none' } },
    Drawer: { defaultProps: { padding: 'xl' }, classNames: { title: 'app-dialog-title' } },
    Menu: {
      defaultProps: {
        shadow: 'md',
        radius: 'md',
        // Within the landmark whose part it is, and without an element that is none of its items.
        portalProps: { target: '#main' },
        withInitialFocusPlaceholder: false,
      },
    },
    Notification: { defaultProps: { closeButtonProps: { 'aria-label': 'Dismiss' } } },
    Skeleton: { classNames: { root: 'app-skeleton' } },
    Tooltip: { defaultProps: { withArrow: true, openDelay: 300 } },
  },
})

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#ffffff',
    '--mantine-color-text': '#1a1e26',
    '--mantine-color-dimmed': '#5a6475',
    '--mantine-color-placeholder': '#6b7586',
    '--mantine-color-error': '#b3261e',
    '--mantine-color-anchor': '#414bb9',
    '--mantine-color-default-border': '#d3d8e0',
    '--table-border-color': '#e5e8ee',
  },
  dark: {
    '--mantine-color-body': '#151920',
    '--mantine-color-text': '#e6e9ef',
    '--mantine-color-dimmed': '#a3acbd',
    '--mantine-color-placeholder': '#98a2b3',
    '--mantine-color-error': '#ff8f87',
    '--mantine-color-anchor': '#a5abef',
    '--mantine-color-default-border': '#434b59',
    '--table-border-color': '#272d37',
  },
})
