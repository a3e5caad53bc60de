/** The version of the plugin contract, which `engines.tenon` of a manifest is compared with. Not the version of a package. */
export const tenonVersion = '1.0.0'
