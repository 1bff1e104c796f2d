// SPDX-License-Identifier: GPL-2.0
/*
 * Layouts and numbers of the interface with userspace, against the C headers.
 *
 * Port-only. layout.json has what gcc made of the headers of Linux 6.0.1 on x86-64: sizes and
 * members from its debugging information ([offset, size], of bit-fields also [lowest bit, bits]),
 * values of macros and enumerators from a program that prints them; and what it makes of the TDX
 * structs, which no released header has, written down in C.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { __anon, __bits, __flex, __struct, __u16, __u32, __u64, __u8, __union, offsetof, sizeof,
	sizeof_field, type kind_of, type layout, type members } from "#asm-generic/struct.ts";
import * as arch_kvm from "#uapi-asm/kvm.ts";
import * as arch_kvm_para from "#uapi-asm/kvm_para.ts";
import * as arch_stat from "#uapi-asm/stat.ts";
import * as fcntl from "#uapi/asm-generic/fcntl.ts";
import * as resource from "#uapi/asm-generic/resource.ts";
import * as siginfo from "#uapi/asm-generic/siginfo.ts";
import * as signal from "#uapi/asm-generic/signal.ts";
import * as statfs from "#uapi/asm-generic/statfs.ts";
import * as fs from "#uapi/linux/fs.ts";
import * as kvm from "#uapi/linux/kvm.ts";
import * as kvm_para from "#uapi/linux/kvm_para.ts";
import * as openat2 from "#uapi/linux/openat2.ts";
import * as stat from "#uapi/linux/stat.ts";
import * as sysinfo from "#uapi/linux/sysinfo.ts";
import * as time from "#uapi/linux/time.ts";
import * as uio from "#uapi/linux/uio.ts";
import * as utsname from "#uapi/linux/utsname.ts";

interface figures {
	readonly structs: Record<string, { size: number; members: Record<string, number[]> }>;
	readonly numbers: Record<string, number | string>;
}

const c = JSON.parse(readFileSync("tools/testing/kunit/uapi/layout.json", "utf8")) as figures;
const kvm_numbers: Record<string, unknown> =
	{ ...arch_kvm, ...arch_kvm_para, ...kvm_para, ...kvm };
const here: Record<string, unknown> = { ...arch_stat, ...fcntl, ...resource, ...siginfo, ...signal,
	...statfs, ...fs, ...openat2, ...stat, ...sysinfo, ...time, ...uio, ...utsname,
	...kvm_numbers };

type any_layout = layout<members>;

/** A layout's name in C: classes of the kernel have taken some names without suffix. */
const c_name = (name: string): string => name.replace(/^struct_/, "").replace(/_layout$/, "");

const layouts = Object.entries(here).filter(([name]) => name.startsWith("struct_"))
	.map(([name, l]) => [c_name(name), l as any_layout] as const);
const named = new Set<unknown>(layouts.map(([, l]) => l));

/** Every member of @l as the figures have them, those of structs with no name of their own too. */
function walk(l: any_layout, base: number, path: string, out: Record<string, number[]>): void {
	for (const [name, kind] of Object.entries(l.members)) {
		const at = base + offsetof(l, name);
		out[path + name] = [at, sizeof_field(l, name), ...kind.bits ?? []];
		let inside: kind_of<unknown> = kind, index = "";
		while (inside.element) {
			inside = inside.element;
			index = "[0]";
		}
		if ("members" in inside && !named.has(inside))
			walk(inside as any_layout, at, `${path}${name}${index}.`, out);
	}
}

const value = (x: number | string | bigint): bigint => BigInt.asUintN(64, BigInt(x));

describe("structs", () => {
	test.each(layouts)("%s", (name, l) => {
		const want = c.structs[name];
		const got: Record<string, number[]> = {};

		walk(l, 0, "", got);
		expect(sizeof(l)).toBe(want!.size);
		expect(got).toEqual(want!.members);
	});

	test("none is missing", () => {
		const have = new Set(layouts.map(([name]) => name));
		expect(Object.keys(c.structs).filter((name) => !have.has(name))).toEqual([]);
	});
});

describe("numbers", () => {
	test("every macro and enumerator of the KVM headers", () => {
		const got = Object.keys(c.numbers).map((name) =>
			[name, here[name] === undefined ? "missing" : value(here[name] as number)]);
		const want = Object.entries(c.numbers).map(([name, x]) => [name, value(x)]);
		expect(got).toEqual(want);
	});

	test("nothing that the headers lack but the test hook's", () => {
		const more = Object.entries(kvm_numbers).filter(([name, x]) =>
			!(name in c.numbers) && (typeof x === "number" || typeof x === "bigint"));
		expect(more.map(([name]) => name).sort()).toEqual([
			"KVM_CAP_PRIVATE_MEM_TESTING", "KVM_CLR_GPA_RANGE_ENC_ACCESS",
			"KVM_MARK_GPA_RANGE_ENC_ACCESS", "KVM_PRIVATE_MEM_TESTING_ATTRIBUTE",
			"KVM_PRIVATE_MEM_TESTING_BITMAP", "KVM_PRIVATE_MEM_TESTING_OFF",
		]);
	});
});

describe("views", () => {
	test("members of anonymous structs and unions are the struct's own", () => {
		const l = __struct({
			head: __u8,
			_1: __anon(__union({
				word: __u32,
				_1: __anon(__struct({ low: __u16, high: __u16 })),
			})),
			tail: __u64,
		});
		const v = l.alloc();

		v.word = 0x12345678;
		v.tail = 1n;
		expect([v.low, v.high, v.head]).toEqual([0x5678, 0x1234, 0]);
		v.high = 0;
		expect(v.word).toBe(0x5678);
		expect([offsetof(l, "high"), offsetof(l, "tail"), sizeof(l)]).toEqual([6, 8, 16]);
	});

	test("bit-fields share their unit", () => {
		const v = __struct({ _1: __bits(__u8, { low: 3, flag: 1, high: 4 }) }).alloc();

		v.high = 0xff;
		v.low = 5;
		expect([...v.bytes]).toEqual([0xf5]);
		v.high = 1;
		v.flag = 1;
		expect([v.low, v.flag, v.high]).toEqual([5, 1, 1]);
	});

	test("a flexible array is what lies behind the struct", () => {
		const pair = __struct({ a: __u32, b: __u32 });
		const l = __struct({ n: __u32, of: __flex(pair) });
		const v = l.alloc(3 * sizeof(pair)), bytes = new Uint8Array(64);

		expect([sizeof(l), v.of.length, l.alloc().of.length]).toEqual([4, 3, 0]);
		v.of[2]!.b = 7;
		expect(v.bytes[4 + 2 * 8 + 4]).toBe(7);
		l.of(bytes, 8).of[1] = v.of[2]!;
		expect(bytes[8 + 4 + 8 + 4]).toBe(7);
		expect(v.of[3]).toBe(undefined);
		expect(() => v.of[3] = v.of[2]!).toThrow();
	});

	test("kvm_run's exits lie over each other", () => {
		const run = kvm.struct_kvm_run.alloc();

		run.mmio.phys_addr = 0x1122334455667788n;
		expect(run.ex.exception).toBe(0x55667788);
		expect(run.padding.length).toBe(256);
		run.s.regs.regs.rip = ~0n;
		expect(run.s.padding[16 * 8]).toBe(0xff);
		run.s.regs.sregs.cs.selector = 8;
		expect(run.s.regs.sregs.cs.selector).toBe(8);
		run.internal.data[15] = 3n;
		expect(run.bytes[offsetof(kvm.struct_kvm_run, "internal") + 8 + 15 * 8]).toBe(3);
		run.emulation_failure.insn_bytes[14] = 9;
		expect(run.internal.data[2]! >> 56n).toBe(9n);
	});

	test("a window is made once and stays on the bytes", () => {
		const state = kvm.struct_kvm_ioapic_state.alloc();
		const first = state.redirtbl[0]!;

		expect(state.redirtbl).toBe(state.redirtbl);
		first.fields.mask = 1;
		expect(state.redirtbl[0]!.bits).toBe(0x10000n);
	});
});
