// SPDX-License-Identifier: GPL-2.0
/*
 * The machine's memory, TLBs and walker: staleness, rights, A/D bits, large pages, IPIs.
 *
 * Port-only.
 */
import { describe, expect, test } from "vitest";
import type { hpa_t, pfn_nr } from "#asm-generic/types.ts";
import { clear_frame, copy_frame, frame_bytes, frame_set_meta, mem_cmpxchg64, mem_hi, mem_lo,
	mem_read, mem_read32, mem_read64, mem_write, mem_write32, mem_write64, mem_xchg64,
	mem_xchg_hi, memory_chunks, memory_end_pfn, memory_frames_used, memory_install,
	memory_map, memory_set_meta_ops } from "#hw/memory.ts";
import { cpu_interrupt, cpus, flush_all_contexts, invlpg, load_idt, set_this_cpu, this_cpu,
	write_cr3, X86_PF_INSTR, X86_PF_PROT, X86_PF_RSVD, X86_PF_USER, X86_PF_WRITE,
	X86_TRAP_PF } from "#hw/cpu.ts";
import { NEED_READ, NEED_WRITE, host_translate } from "#hw/walk.ts";
import { tlb_maps_frame } from "#hw/tlb.ts";
import { user_cmpxchg32, user_fetch, user_fill, user_load16, user_load32, user_load64,
	user_load64n, user_load8, user_read, user_store16, user_store32, user_store64,
	user_store64n, user_store8, user_write } from "#hw/isa.ts";
import { A, D, G, NX, P, PS, U, W, entry_of, fault_of, machine, map, new_frame } from
	"./tables.ts";

const VA = 0x7f0012345000;

describe("memory", () => {
	test("1 TiB installed costs nothing", () => {
		memory_install(2 ** 40);
		expect(memory_chunks()).toBe(0);
		expect(memory_end_pfn()).toBe((2 ** 40 + 2 ** 30) / 4096);
		const pfn = (memory_end_pfn() - 1) as pfn_nr;
		frame_bytes(pfn)[4095] = 0x5a;
		mem_write64(pfn * 512 + 3, -1, 0x12345678);
		expect([mem_lo(pfn * 512 + 3), mem_hi(pfn * 512 + 3)]).toEqual([-1, 0x12345678]);
		expect(mem_read64((pfn * 4096 + 24) as hpa_t)).toBe(0x12345678ffffffffn);
		expect(memory_chunks()).toBe(1);
		expect(memory_frames_used()).toBe(1);
	});
	test("firmware map has the holes", () => {
		memory_install(2 ** 33);
		const ram = memory_map().filter((r) => r.type === 1);
		expect(ram.map((r) => [r.addr, r.addr + r.size]))
			.toEqual([[0, 0x9fc00], [0x100000, 3 * 2 ** 30],
				[4 * 2 ** 30, 9 * 2 ** 30]]);
		expect(() => mem_read32((3.5 * 2 ** 30) as hpa_t)).toThrow(/no memory/);
		expect(() => mem_read32((9 * 2 ** 30) as hpa_t)).toThrow(/no memory/);
	});
	test("words, bytes and frames are one memory", () => {
		memory_install(2 ** 31);
		const bytes = Uint8Array.from({ length: 10000 }, (_, i) => i * 7);
		mem_write(0x123ffd as hpa_t, bytes);
		const back = new Uint8Array(10000);
		mem_read(0x123ffd as hpa_t, back);
		expect(back).toEqual(bytes);
		expect(frame_bytes(0x124 as pfn_nr)[0]).toBe(bytes[3]);
		mem_write32(0x200002 as hpa_t, 0xdeadbeef);
		expect(mem_read32(0x200002 as hpa_t)).toBe(0xdeadbeef);
		copy_frame(0x300 as pfn_nr, 0x124 as pfn_nr);
		expect(frame_bytes(0x300 as pfn_nr)).toEqual(frame_bytes(0x124 as pfn_nr));
		clear_frame(0x300 as pfn_nr);
		expect(frame_bytes(0x300 as pfn_nr).every((b) => b === 0)).toBe(true);
		frame_bytes(0x300 as pfn_nr).fill(1);
		copy_frame(0x300 as pfn_nr, 0x301 as pfn_nr);
		expect(frame_bytes(0x300 as pfn_nr).every((b) => b === 0)).toBe(true);
		expect(mem_cmpxchg64(0x300 * 512, 0, 0, 5, -6)).toBe(true);
		expect(mem_cmpxchg64(0x300 * 512, 0, 0, 7, 8)).toBe(false);
		expect([mem_xchg64(0x300 * 512, 1, 2), mem_xchg_hi]).toEqual([5, -6]);
	});
	test("frames with metadata take the hook, cached or not", () => {
		const pgd = machine();
		const pfn = new_frame();
		map(pgd, VA, pfn);
		user_store8(VA, 1);
		frame_set_meta(pfn, true);
		invlpg(VA);
		const seen: string[] = [];
		memory_set_meta_ops({
			read: (f, off, to) => seen.push(`r${f}+${off}`) > 0 && to.fill(9).length > 0,
			write: (f, off, from) => seen.push(`w${f}+${off}=${from.join()}`) > 0,
			clear: (f) => seen.push(`c${f}`) > 0,
		});
		expect(user_load8(VA + 5)).toBe(9);
		expect(user_load8(VA + 6)).toBe(9);
		user_store16(VA + 8, 0x201);
		clear_frame(pfn as pfn_nr);
		expect(seen).toEqual([`r${pfn}+5`, `r${pfn}+6`, `w${pfn}+8=1,2`, `c${pfn}`]);
	});
});

describe("translation", () => {
	test("every size, aligned or not, across pages", () => {
		const pgd = machine();
		map(pgd, VA, new_frame());
		map(pgd, VA + 4096, new_frame());
		for (const off of [0, 1, 4, 4089, 4093, 4095]) {
			user_store64(VA + off, 0x1122334455667788n);
			expect(user_load64(VA + off)).toBe(0x1122334455667788n);
			expect(user_load32(VA + off)).toBe(0x55667788);
			expect(user_load16(VA + off)).toBe(0x7788);
			user_store32(VA + off, 0xfedcba98);
			user_store16(VA + off, 0xbeef);
			expect(user_load64(VA + off)).toBe(0x11223344fedcbeefn);
			user_store64n(VA + off, 2 ** 40 + 3);
			expect(user_load64n(VA + off)).toBe(2 ** 40 + 3);
		}
		user_fill(VA + 4000, 0xab, 200);
		const buf = new Uint8Array(202);
		user_read(VA + 3999, buf);
		expect([buf[0], buf[1], buf[200], buf[201]]).toEqual([0, 0xab, 0xab, 0]);
		user_write(VA + 4090, new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]));
		expect(user_load64(VA + 4090)).toBe(0x0807060504030201n);
		user_store32(VA, 7);
		expect(user_cmpxchg32(VA, 7, 8)).toBe(7);
		expect(user_cmpxchg32(VA, 7, 9)).toBe(8);
		expect(user_load32(VA)).toBe(8);
	});
	test("error codes", () => {
		const pgd = machine();
		const at = (off: number): number => VA + off * 4096;
		map(pgd, at(1), new_frame(), P | U);
		map(pgd, at(2), new_frame(), P | W);
		map(pgd, at(3), new_frame(), P | W | U, NX);
		map(pgd, at(4), new_frame(), P | W | U, 1 << 18);
		expect(fault_of(() => user_load8(at(0)))?.error).toBe(X86_PF_USER);
		expect(fault_of(() => user_store8(at(0), 0))?.error)
			.toBe(X86_PF_USER | X86_PF_WRITE);
		expect(fault_of(() => user_load8(at(1)))).toBe(null);
		for (let i = 0; i < 2; i++)
			expect(fault_of(() => user_store8(at(1), 0)))
				.toEqual({ cpu: 0, error: X86_PF_PROT | X86_PF_USER | X86_PF_WRITE,
					addr: at(1) });
		expect(fault_of(() => user_load8(at(2)))?.error).toBe(X86_PF_PROT | X86_PF_USER);
		expect(fault_of(() => user_load8(at(3)))).toBe(null);
		expect(fault_of(() => user_fetch(at(3)))?.error)
			.toBe(X86_PF_PROT | X86_PF_USER | X86_PF_INSTR);
		expect(fault_of(() => user_fetch(at(1)))).toBe(null);
		expect(fault_of(() => user_load8(at(4)))?.error)
			.toBe(X86_PF_PROT | X86_PF_USER | X86_PF_RSVD);
		expect(fault_of(() => user_load8(2 ** 47))?.error).toBe(-1);
		expect(fault_of(() => user_load8(2 ** 64 - 4096))?.error)
			.toBe(X86_PF_PROT | X86_PF_USER);
		const cross = fault_of(() => user_store64(at(1) - 4, 1n));
		expect(cross?.addr).toBe(at(1) - 4);
		expect(this_cpu.cr2).toBe(at(1) - 4);
	});
	test("supervisor accesses need no user bit, but the write bit", () => {
		const pgd = machine();
		map(pgd, VA, new_frame(), P);
		const hi = Math.floor(VA / 2 ** 32);
		expect(host_translate(this_cpu, VA, VA | 0, hi, NEED_READ)).toBeGreaterThan(0);
		load_idt(X86_TRAP_PF, (_, error) => {
			expect(error).toBe(X86_PF_PROT | X86_PF_WRITE);
			return false;
		});
		expect(host_translate(this_cpu, VA, VA | 0, hi, NEED_READ | NEED_WRITE)).toBe(-1);
	});
	test("accessed and dirty bits", () => {
		const pgd = machine();
		const word = map(pgd, VA, new_frame());
		const pmd = entry_of(pgd, VA, 2);
		const bits = (w: number): number => mem_lo(w) & (A | D);
		expect(bits(word)).toBe(0);
		user_load8(VA);
		expect([bits(word), bits(pmd)]).toEqual([A, A]);
		user_store8(VA, 1);
		expect(bits(word)).toBe(A | D);
		/* the TLB knows the page as dirty: cleared bits come back only after a flush */
		mem_write64(word, mem_lo(word) & ~(A | D), 0);
		user_store8(VA, 2);
		expect(bits(word)).toBe(0);
		invlpg(VA);
		user_store8(VA, 2);
		expect(bits(word)).toBe(A | D);
	});
});

describe("staleness", () => {
	test("an unmapped page stays readable until flushed", () => {
		const pgd = machine();
		const old = new_frame(), other = new_frame();
		const word = map(pgd, VA, old);
		user_store32(VA, 0x01d);
		mem_write64(word, 0, 0);
		expect(user_load32(VA)).toBe(0x01d);
		invlpg(VA + 123);
		expect(fault_of(() => user_load32(VA)))
			.toEqual({ cpu: 0, error: X86_PF_USER, addr: VA });
		/* not present is never cached */
		map(pgd, VA, other);
		expect(user_load32(VA)).toBe(0);
		map(pgd, VA, old);
		expect(user_load32(VA)).toBe(0);
		expect(tlb_maps_frame(this_cpu.tlb, other, 1)).toBe(true);
		write_cr3(pgd, 0, false);
		expect(tlb_maps_frame(this_cpu.tlb, other, 1)).toBe(false);
		expect(user_load32(VA)).toBe(0x01d);
	});
	test("rights taken away stay until flushed; rights given come with the fault", () => {
		const pgd = machine();
		const pfn = new_frame();
		map(pgd, VA, pfn);
		user_store8(VA, 1);
		map(pgd, VA, pfn, P | U);
		user_store8(VA, 2);
		invlpg(VA);
		expect(fault_of(() => user_store8(VA, 3))?.error)
			.toBe(X86_PF_PROT | X86_PF_USER | X86_PF_WRITE);
		user_load8(VA);
		map(pgd, VA, pfn);
		let faults = 0;
		load_idt(X86_TRAP_PF, () => ++faults > 0);
		user_store8(VA, 3);
		user_store8(VA, 4);
		expect(faults).toBe(1);
	});
	test("a page table that was replaced is still used through the directory cache", () => {
		const pgd = machine();
		map(pgd, VA, new_frame());
		map(pgd, VA + 4096, new_frame());
		user_store8(VA, 1);
		const pmd = entry_of(pgd, VA, 2);
		mem_write64(pmd, 0, 0);
		user_store8(VA + 4096, 1);
		invlpg(VA);
		expect(fault_of(() => user_load8(VA + 8192))?.error).toBe(X86_PF_USER);
		expect(fault_of(() => user_load8(VA))?.error).toBe(X86_PF_USER);
		/* that page's own entry is untouched */
		expect(user_load8(VA + 4096)).toBe(1);
	});
	test("each CPU has its own; an IPI flushes another's", () => {
		const pgd = machine(3);
		const word = map(pgd, VA, new_frame());
		for (const cpu of cpus) {
			set_this_cpu(cpu);
			user_store8(VA, cpu.id);
		}
		set_this_cpu(cpus[0]!);
		mem_write64(word, 0, 0);
		invlpg(VA);
		cpu_interrupt(cpus[1]!, (va) => {
			expect(this_cpu.id).toBe(1);
			expect(this_cpu.cpl).toBe(0);
			invlpg(va);
		}, VA);
		expect([this_cpu.id, cpus[1]!.cpl, cpus[1]!.nr_ipis]).toEqual([0, 3, 1]);
		const alive = cpus.map((cpu) => {
			set_this_cpu(cpu);
			return fault_of(() => user_load8(VA)) === null;
		});
		expect(alive).toEqual([false, false, true]);
	});
	test("contexts keep their entries; globals survive a context flush", () => {
		const pgd = machine();
		const pgd2 = new_frame();
		const a = new_frame(), b = new_frame(), g = new_frame();
		map(pgd, VA, a);
		map(pgd2, VA, b);
		const gw = map(pgd, VA + 4096, g, P | W | U | G);
		user_store8(VA, 1);
		user_store8(VA + 4096, 7);
		mem_write64(gw, 0, 0);
		write_cr3(pgd2, 1, false);
		user_store8(VA, 2);
		expect(user_load8(VA + 4096)).toBe(7);
		map(pgd, VA, b);
		write_cr3(pgd, 0, true);
		expect(user_load8(VA)).toBe(1);
		write_cr3(pgd, 0, false);
		expect(user_load8(VA)).toBe(2);
		expect(user_load8(VA + 4096)).toBe(7);
		flush_all_contexts();
		expect(fault_of(() => user_load8(VA + 4096))).not.toBe(null);
	});
});

describe("large pages", () => {
	test("2 MiB and 1 GiB, and INVLPG of any address inside", () => {
		const pgd = machine(1, 3 * 2 ** 30);
		const V2 = 0x7f0040000000, V1 = 0x7e0000000000;
		const w2 = map(pgd, V2, 0x2000, P | W | U | PS, 0, 2);
		const w1 = map(pgd, V1, 0x40000, P | W | U | PS, 0, 3);
		user_store8(V2 + 0x1ff123, 5);
		user_store8(V1 + 0x3ffff123, 6);
		expect(frame_bytes(0x21ff as pfn_nr)[0x123]).toBe(5);
		expect(frame_bytes(0x7ffff as pfn_nr)[0x123]).toBe(6);
		expect([mem_lo(w2) & (A | D), mem_lo(w1) & (A | D)]).toEqual([A | D, A | D]);
		mem_write64(w2, 0, 0);
		mem_write64(w1, 0, 0);
		user_load8(V2 + 4096);
		user_load8(V1 + 4096);
		invlpg(V2 + 0x100000);
		expect(fault_of(() => user_load8(V2 + 4096))).not.toBe(null);
		user_load8(V1 + 4096);
		invlpg(V1);
		expect(fault_of(() => user_load8(V1 + 4096))).not.toBe(null);
	});
	test("reserved bits of large entries", () => {
		const pgd = machine();
		map(pgd, VA, 0x2001, P | W | U | PS, 0, 2);
		/* bit 12 is PAT, bit 13 is reserved */
		expect(fault_of(() => user_load8(VA))).toBe(null);
		const pgd2 = machine();
		map(pgd2, VA, 0x2002, P | W | U | PS, 0, 2);
		expect(fault_of(() => user_load8(VA))?.error)
			.toBe(X86_PF_PROT | X86_PF_USER | X86_PF_RSVD);
	});
	test("random mappings against a map, with flushes", () => {
		const pgd = machine();
		const base = 0x7fff00000000;
		const want = new Map<number, number>();
		let seed = 1;
		const rnd = (n: number): number =>
			(seed = (Math.imul(seed, 1103515245) + 12345) >>> 0, (seed >>> 8) % n);
		for (let i = 0; i < 20000; i++) {
			const page = rnd(40) * 0x2000000 + rnd(50) * 4096;
			const va = base + page;
			if (rnd(3) === 0) {
				map(pgd, va, new_frame());
				invlpg(va);
				user_store32(va, i);
				want.set(va, i);
			} else if (want.has(va)) {
				expect(user_load32(va)).toBe(want.get(va));
			} else {
				expect(fault_of(() => user_load32(va))).not.toBe(null);
			}
			if (rnd(1000) === 0)
				write_cr3(pgd, 0, false);
		}
	});
});
