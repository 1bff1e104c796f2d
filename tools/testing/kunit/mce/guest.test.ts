// SPDX-License-Identifier: GPL-2.0
/*
 * A guest without TDX consumes poison: the machine check is the host's.
 *
 * Port-only.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { EINTR } from "#linux/errno.ts";
import { PageHWPoison } from "#linux/page-flags.ts";
import { kmsg_text } from "#linux/printk.ts";
import { KVM_EXIT_HLT, KVM_RUN } from "#uapi/linux/kvm.ts";
import { SIGBUS } from "#uapi/asm-generic/signal.ts";
import * as isa from "#hw/isa_guest.ts";
import { tme_movdir64b } from "#hw/tme.ts";
import { boot_cpu_data } from "#asm/processor.ts";
import { GUEST_DATA_BASE } from "#tools/include/nolibc/kvm_guest.ts";
import { errno } from "#tools/include/nolibc/arch.ts";
import { type siginfo, sigaction } from "#tools/include/nolibc/signal.ts";
import { ioctl_wait } from "#tools/include/nolibc/sys.ts";
import { with_guest } from "../kvm/vcpu.ts";
import { boot_host, page_at, poison } from "./host.ts";

const FREE = 0x100000, AT = GUEST_DATA_BASE + FREE;

beforeAll(() => { boot_host("emca2=off", false); });

describe("plain guest", () => {
	test.each([
		["load", function* (): isa.guest_program {
			yield* isa.ld64(AT + 64);
		}],
		["store", function* (): isa.guest_program {
			yield* isa.st8(AT + 65, 1);
		}],
		["copy", function* (): isa.guest_program {
			yield* isa.memcpy(AT + 8192, AT, 4096);
		}],
	])("%s", (_name, access) => {
		with_guest(function* (g) {
			const seen: siginfo[] = [];
			sigaction(SIGBUS, (_, info) => { seen.push(info); });
			g.put(FREE, 5n);
			g.start(function* () {
				yield* access();
				yield* isa.hlt();
			});
			const page = page_at(g.mem + FREE);
			poison(page, 64);
			for (let i = 1; i <= 2; i++) {
				/* first the machine check, then a page that KVM can't map */
				expect(yield* ioctl_wait(g.vcpu, KVM_RUN)).toBe(-1);
				expect(errno()).toBe(EINTR);
				expect(seen.length).toBe(i);
				expect([seen[i - 1]!.code, seen[i - 1]!.addr_lsb]).toEqual([4, 12]);
				expect(seen[i - 1]!.addr).toBe(g.mem + FREE);
			}
			expect(PageHWPoison(page)).toBe(true);
		});
		expect(kmsg_text().join("\n")).toMatch(/recovery action for dirty LRU page: Recovered/);
	});
	test("poison that it does not touch is nobody's business", () => {
		with_guest(function* (g) {
			g.put(FREE, 5n);
			g.start(function* () {
				yield* isa.outl(1, yield* isa.ld32(AT));
				yield* isa.hlt();
			});
			const page = page_at(g.mem + FREE);
			poison(page, 64);
			expect(yield* g.report()).toBe(5);
			expect((yield* g.enter()).exit_reason).toBe(KVM_EXIT_HLT);
			/* a free page may not have any */
			tme_movdir64b(page.pfn * 4096 + 64, 0, new Uint8Array(64));
		});
	});
	test("KeyIDs take bits off physical addresses", () => {
		expect(boot_cpu_data.x86_phys_bits).toBe(40);
	});
});
