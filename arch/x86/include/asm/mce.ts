// SPDX-License-Identifier: GPL-2.0
/*
 * Machine check registers.
 *
 * Upstream: arch/x86/include/asm/mce.h, as far as KVM's banks go. Values are bigints.
 */

/* MCG_CAP */
export const MCG_BANKCNT_MASK	= 0xffn;
export const MCG_CTL_P		= 1n << 8n;
export const MCG_EXT_P		= 1n << 9n;
export const MCG_CMCI_P		= 1n << 10n;
export const MCG_SER_P		= 1n << 24n;
export const MCG_LMCE_P		= 1n << 27n;

/* MCG_EXT_CTL */
export const MCG_EXT_CTL_LMCE_EN	= 1n << 0n;

/* MCG_STATUS */
export const MCG_STATUS_RIPV	= 1n << 0n;
export const MCG_STATUS_EIPV	= 1n << 1n;
export const MCG_STATUS_MCIP	= 1n << 2n;

/* a bank's status */
export const MCI_STATUS_VAL	= 1n << 63n;
export const MCI_STATUS_OVER	= 1n << 62n;
export const MCI_STATUS_UC	= 1n << 61n;
export const MCI_STATUS_EN	= 1n << 60n;
export const MCI_STATUS_PCC	= 1n << 57n;
export const MCI_STATUS_S	= 1n << 56n;
export const MCI_STATUS_AR	= 1n << 55n;

/* a bank's second control register */
export const MCI_CTL2_CMCI_EN			= 1n << 30n;
export const MCI_CTL2_CMCI_THRESHOLD_MASK	= 0x7fffn;
