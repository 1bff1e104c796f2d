// SPDX-License-Identifier: GPL-2.0
/*
 * TDREPORT: what a TD is, for others on the same machine to check.
 *
 * Port-only. 1024 bytes, in three structures:
 *
 *	  0 REPORTMACSTRUCT	type 0x81, CPUSVN, hashes of the other two, REPORTDATA, MAC
 *	256 TEE_TCB_INFO	the module's measurement and version
 *	512 TDINFO		ATTRIBUTES, XFAM, MRTD, MRCONFIGID, MROWNER, MROWNERCONFIG, RTMRs
 *
 * The MAC is a truncated HMAC-SHA-384 with the module's key; the processor's is of another kind,
 * but neither can be checked elsewhere than here.
 */
import { hmac_sha384, sha384_digest } from "./sha384.ts";
import { tdx, type struct_tdcs } from "./state.ts";

const REPORT_BYTES	= 1024;
const TYPE_TDX		= 0x81;
const TCB_INFO		= 256;
const TCB_INFO_BYTES	= 239;
const TDINFO		= 512;

function put_tdinfo(c: struct_tdcs, bytes: Uint8Array): void {
	const v = new DataView(bytes.buffer, bytes.byteOffset);
	let at = 16;

	v.setBigUint64(0, c.attributes, true);
	v.setBigUint64(8, c.xfam, true);
	for (const m of [c.mrtd, c.mrconfigid, c.mrowner, c.mrownerconfig, ...c.rtmr]) {
		bytes.set(m, at);
		at += 48;
	}
}

export function td_report(c: struct_tdcs, data: Uint8Array): Uint8Array {
	const report = new Uint8Array(REPORT_BYTES);
	const tcb = report.subarray(TCB_INFO, TCB_INFO + TCB_INFO_BYTES);
	const info = report.subarray(TDINFO);

	/* VALID: which of the fields below are */
	tcb[0] = 0xff;
	tcb[1] = 0x01;
	put_tdinfo(c, info);
	report[0] = TYPE_TDX;
	report.set(sha384_digest(tcb), 32);
	report.set(sha384_digest(info), 80);
	report.set(data, 128);
	report.set(td_report_mac(report), 224);
	return report;
}

/** MAC of a report's first structure. */
export function td_report_mac(report: Uint8Array): Uint8Array {
	return hmac_sha384(tdx.report_key, report.subarray(0, 224)).subarray(0, 32);
}
