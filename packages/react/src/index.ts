export { ApiError, type FieldProblem } from './api/ApiError.js'
export { TenonProvider, type TenonProviderProps } from './TenonProvider.js'
export { Trend } from './charts/Trend.js'
export type { TrendLine, TrendPoint, TrendProps } from './charts/trendPoints.js'
export { OAuthReturnNote, type OAuthReturnNoteProps } from './connections/OAuthReturnNote.js'
export { useOAuthReturn, type OAuthReturn, type OAuthReturnOptions } from './connections/useOAuthReturn.js'
export { RequestId, type RequestIdProps } from './api/RequestId.js'
export { ErrorNote, type ErrorNoteProps } from './api/ErrorNote.js'
export { useIsMounted } from './api/useIsMounted.js'
export { ReasonedButton, type ReasonedButtonProps } from './api/ReasonedButton.js'
export { steadyButtons } from './api/SteadyButton.js'
export { wordsOf } from './api/wordsOf.js'
export { Loading, type LoadingProps } from './api/Loading.js'
export { queryDefaults } from './api/queryDefaults.js'
export {
  configureRequests,
  request,
  requestFile,
  requestWork,
  type EventStream,
  type RequestInput,
  type RequestOptions,
  type Work,
} from './api/request.js'
export { PluginBoundary, type PluginBoundaryProps } from './frame/PluginBoundary.js'
export { PluginFrame, type PluginFrameProps } from './frame/PluginFrame.js'
export type { ImportResult, PastImport } from './importing/imports.js'
export { PastImports, type PastImportsProps } from './importing/PastImports.js'
export { PluginImporter, type PluginImporterProps } from './importing/PluginImporter.js'
export { InstallDialog, NotInstallable, type InstallDialogProps } from './installation/InstallDialog.js'
export { whyNotInstallable } from './installation/whyNotInstallable.js'
export { InstallProgress } from './installation/InstallProgress.js'
export { PermissionList, type AskedPermission, type PermissionListProps } from './installation/PermissionList.js'
export { UninstallDialog, type UninstallChoice, type UninstallDialogProps } from './installation/UninstallDialog.js'
export { publisherOf } from './plugins/publisherOf.js'
export {
  actionLabels,
  asksForConfiguration,
  needsConfiguration,
  needsConnection,
  nextAction,
  type NextAction,
} from './plugins/nextAction.js'
export * from './plugins/plugin.repository.js'
export { PluginCard, type PluginCardProps } from './plugins/PluginCard.js'
export { PluginGate, type PluginGateProps } from './plugins/PluginGate.js'
export { PluginIcon, type PluginIconProps } from './plugins/PluginIcon.js'
export {
  pluginKeys,
  refreshPlugins,
  useCategories,
  useInstallations,
  useMarketplace,
  usePluginDetails,
} from './plugins/queries.js'
export { isInUse } from './plugins/isInUse.js'
export { describeSchedule } from './plugins/schedule.js'
export { Badge, StatusBadge, type Tone } from './plugins/StatusBadge.js'
export type * from './plugins/types.js'
export { useIsPluginInstalled } from './plugins/useIsPluginInstalled.js'
export { usePluginInstallation, type UsePluginInstallation } from './plugins/usePluginInstallation.js'
export { keyOf, mergeInstallations, usePlugins, withInstallation, type UsePlugins } from './plugins/usePlugins.js'
export { fillsSlot, useSlot, type Slot, type SlotContribution } from './plugins/useSlot.js'
export { HealthPanel } from './records/HealthPanel.js'
export {
  OrganizationActivity,
  PluginActivity,
  type OrganizationActivityProps,
  type PluginActivityProps,
} from './records/PluginActivity.js'
export { useActivity } from './records/records.js'
export { PluginLogs } from './records/PluginLogs.js'
export { PluginPermissionsPanel, type PluginPermissionsPanelProps } from './records/PluginPermissionsPanel.js'
export { OwnPluginRequests, type OwnPluginRequestsProps } from './requests/OwnPluginRequests.js'
export { PluginRequests, type PluginRequestsProps } from './requests/PluginRequests.js'
export { PluginRequestAnswer, type PluginRequestAnswerProps } from './requests/PluginRequestAnswer.js'
export { PluginRequestStatus, type PluginRequestStatusProps } from './requests/PluginRequestStatus.js'
export * from './requests/request.repository.js'
export { RequestDialog, type RequestDialogProps } from './requests/RequestDialog.js'
export {
  useDeclineRequest,
  useOwnRequests,
  usePluginRequests,
  useRequestPlugin,
  useWithdrawRequest,
} from './requests/requests.js'
export { useLiveUpdates } from './runs/liveUpdates.js'
export { PluginAlerts, type PluginAlertsProps } from './runs/PluginAlerts.js'
export { PluginRuns, type PluginRunsProps } from './runs/PluginRuns.js'
export { PluginSchedules, type PluginSchedulesProps } from './runs/PluginSchedules.js'
export { sentenceOfOutcome } from './runs/progress.js'
export * from './runs/run.repository.js'
export { isRunOver } from './runs/runCache.js'
export { RunErrorNote } from './runs/RunErrorNote.js'
export { RunProgress, type RunProgressProps } from './runs/RunProgress.js'
export {
  useActiveRun,
  useAlerts,
  useCancelRun,
  usePluginRuns,
  useRetryRun,
  useRun,
  useSchedules,
  useSetSchedule,
} from './runs/runs.js'
export { useRunOutcomes } from './runs/useRunOutcomes.js'
export { unwatchAllRuns, useWatchedRuns, watchRun } from './runs/watchedRuns.js'
export { PluginVersions, type PluginVersionsProps } from './updates/PluginVersions.js'
export * from './updates/update.repository.js'
export { UpdateDialog, type UpdateDialogProps } from './updates/UpdateDialog.js'
export { useRollBackPlugin, useUpdatePlan, useUpdatePlugin, withUpdates } from './updates/updates.js'
export { PluginActions, type ActionOutcome, type PluginActionsProps } from './views/PluginActions.js'
export { PluginView, type PluginViewProps } from './views/PluginView.js'
export { useTypedText } from './views/useTypedText.js'
export { Value, type ValueProps } from './views/Value.js'
export { readViewState, writeViewState } from './views/viewAddress.js'
export { viewTotal } from './views/viewRows.js'
export type { ViewState, ViewStateProps } from './views/viewState.js'
