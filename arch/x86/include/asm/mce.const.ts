// SPDX-License-Identifier: GPL-2.0
/*
 * Machine check registers, and records of what was found in them.
 *
 * Upstream: arch/x86/include/asm/mce.h, uapi/asm/mce.h. Values of registers are bigints. Left out:
 * AMD's scalable registers, the device /dev/mcelog.
 */

/* MCG_CAP */
export const MCG_BANKCNT_MASK	= 0xffn;
export const MCG_CTL_P		= 1n << 8n;
export const MCG_EXT_P		= 1n << 9n;
export const MCG_CMCI_P		= 1n << 10n;
/** Linux 6.10: errors inside a TD are told apart. */
export const MCG_SEAM_NR	= 1n << 12n;
export const MCG_EXT_CNT_MASK	= 0xff0000n;
export const MCG_EXT_CNT_SHIFT	= 16n;
export const MCG_EXT_CNT = (c: bigint): bigint => (c & MCG_EXT_CNT_MASK) >> MCG_EXT_CNT_SHIFT;
export const MCG_SER_P		= 1n << 24n;
export const MCG_LMCE_P		= 1n << 27n;

/* MCG_EXT_CTL */
export const MCG_EXT_CTL_LMCE_EN	= 1n << 0n;

/* MCG_STATUS */
export const MCG_STATUS_RIPV	= 1n << 0n;
export const MCG_STATUS_EIPV	= 1n << 1n;
export const MCG_STATUS_MCIP	= 1n << 2n;
export const MCG_STATUS_LMCES	= 1n << 3n;
export const MCG_STATUS_SEAM_NR	= 1n << 12n;

/* a bank's status */
export const MCI_STATUS_VAL	= 1n << 63n;
export const MCI_STATUS_OVER	= 1n << 62n;
export const MCI_STATUS_UC	= 1n << 61n;
export const MCI_STATUS_EN	= 1n << 60n;
export const MCI_STATUS_MISCV	= 1n << 59n;
export const MCI_STATUS_ADDRV	= 1n << 58n;
export const MCI_STATUS_PCC	= 1n << 57n;
export const MCI_STATUS_S	= 1n << 56n;
export const MCI_STATUS_AR	= 1n << 55n;

/* its error code, without the bit of filtered reports */
export const MCACOD		= 0xefffn;
export const MCACOD_SCRUB	= 0x00c0n;
export const MCACOD_SCRUBMSK	= 0xeff0n;
export const MCACOD_L3WB	= 0x017an;
export const MCACOD_DATA	= 0x0134n;
export const MCACOD_INSTR	= 0x0150n;

/* a bank's MISC register: what kind of address there is, and its lowest valid bit */
export const MCI_MISC_ADDR_LSB = (m: bigint): number => Number(m & 0x3fn);
export const MCI_MISC_ADDR_MODE = (m: bigint): number => Number((m >> 6n) & 7n);
export const MCI_MISC_ADDR_PHYS	= 2;

/* a bank's second control register */
export const MCI_CTL2_CMCI_EN			= 1n << 30n;
export const MCI_CTL2_CMCI_THRESHOLD_MASK	= 0x7fffn;

export const MAX_NR_BANKS	= 64;

/* struct mce's kflags */
export const MCE_HANDLED_UC		= 1 << 1;
export const MCE_IN_KERNEL_RECOV	= 1 << 6;
export const MCE_IN_KERNEL_COPYIN	= 1 << 7;

/* order on the decode chain */
export const MCE_PRIO_LOWEST	= 0;
export const MCE_PRIO_UC	= 5;
export const MCE_PRIO_EARLY	= 6;
export const MCE_PRIO_CEC	= 7;
export const MCE_PRIO_HIGHEST	= MCE_PRIO_CEC;

/* flags of machine_check_poll() */
export const MCP_TIMESTAMP	= 1 << 0;
export const MCP_UC		= 1 << 1;
export const MCP_DONTLOG	= 1 << 2;
export const MCP_QUEUE_LOG	= 1 << 3;

/** One error of one bank. */
export class struct_mce {
	status = 0n;
	misc = 0n;
	addr = 0n;
	mcgstatus = 0n;
	ip = 0;
	tsc = 0n;
	time = 0n;
	cpuvendor = 0;
	severity = 0;
	cpuid = 0;
	cs = 0;
	bank = 0;
	extcpu = 0;
	socketid = 0;
	apicid = 0;
	mcgcap = 0n;
	ppin = 0n;
	microcode = 0;
	kflags = 0;
	/** Port-only: the function that was interrupted. */
	symbol = "";
}
