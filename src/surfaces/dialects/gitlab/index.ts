export { GitlabSurface } from './gitlab-surface.ts'
export { rawPathOf } from './path.ts'
