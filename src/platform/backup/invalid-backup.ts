/** The file is no complete backup, or holds what no backup of this product holds. Nothing was written anywhere. */
export class InvalidBackup extends Error {
  constructor(problem: string) {
    super(`The backup cannot be used: ${problem}`)
    this.name = 'InvalidBackup'
  }
}
