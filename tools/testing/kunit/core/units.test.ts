// SPDX-License-Identifier: GPL-2.0
/*
 * Smaller parts of the core: printf, parameters, timers, wait queues, lockdep against an oracle.
 */
import { beforeEach, describe, expect, it } from "vitest";
import "#generated/vmlinux.ts";
import { make_task, reset } from "#tools/testing/kunit/core/core_env.ts";
import { sprintf } from "#linux/kernel/vsprintf.ts";
import { kstrtobool, kstrtoint, kstrtouint, memparse } from "#linux/kernel.ts";
import { KERN_CONT, KERN_ERR, kmsg_text, pr_warn, printk } from "#linux/printk.ts";
import { module_param, module_params, param_bool, param_attr_store, param_int, parse_args } from
	"#linux/moduleparam.ts";
import { clock_reset, clock_advance_to } from "#hw/clock.ts";
import { HRTIMER_MODE_ABS, hrtimer_cancel, hrtimer_init, hrtimer_run_queues, hrtimer_start,
	hrtimer_next_event, hrtimer_forward_now, struct_hrtimer, struct_timer_list } from
	"#linux/hrtimer.ts";
import { hrtimers_init } from "#linux/timer/hrtimer.ts";
import { del_timer, mod_timer, timer_setup } from "#linux/timer.ts";
import { lockdep_depth } from "#linux/lockdep.ts";
import { in_hardirq, in_softirq } from "#linux/preempt.ts";
import { DECLARE_WAIT_QUEUE_HEAD, DEFINE_WAIT, add_wait_queue, finish_wait, init_waitqueue_entry,
	prepare_to_wait, prepare_to_wait_exclusive, wait_queue_entry_t, waitqueue_active, wake_up,
	wake_up_all, wait_event_restart, wait_event_timeout } from "#linux/wait.ts";
import { TASK_INTERRUPTIBLE, TASK_RUNNING, TASK_UNINTERRUPTIBLE, current, set_current } from
	"#linux/sched_types.ts";
import { clear_restart_wait, finish_restart_wait } from "#linux/sched.ts";
import { DEFINE_MUTEX, mutex_lock, mutex_unlock } from "#linux/mutex.ts";
import { EINVAL, EPERM, ERESTARTSYS, ERESTARTWAIT, ERANGE } from "#linux/errno.ts";
import { TIF_SIGPENDING } from "#linux/sched.const.ts";
import { DEFINE_TRACE, set_trace_sink, trace_set_event } from "#linux/tracepoint.ts";
import { prandom_seed_state, prandom_u32_state, struct_rnd_state } from "#linux/random.ts";
import { WARN_ON_ONCE, WARN } from "#linux/bug.ts";
import { warn_count } from "#linux/panic.ts";
import { kernel_bug } from "#linux/panic.ts";

beforeEach(() => {
	reset();
});

describe("printf and printk", () => {
	it("formats as the kernel does", () => {
		expect(sprintf("%d %u %x %#x %05d|%-5d|%5s", -1, -1, -1, 255, 42, 42, "ab"))
			.toBe("-1 4294967295 ffffffff 0xff 00042|42   |   ab");
		expect(sprintf("%lx %016llx %lld", -1, 0xabcn, -(2n ** 40n)))
			.toBe("ffffffffffffffff 0000000000000abc -1099511627776");
		expect(sprintf("%.3s %*d %c %%", "abcdef", 4, 7, 65)).toBe("abc    7 A %");
		expect(sprintf("%x", 2 ** 40)).toBe("10000000000");
	});

	it("keeps lines together and levels apart", () => {
		printk("a");
		printk(KERN_CONT + "b\n");
		printk(KERN_ERR + "c\nd\n");
		pr_warn("half");
		printk("next\n");
		expect(kmsg_text()).toEqual(["ab", "c", "d", "half", "next"]);
	});

	it("warns once a place", () => {
		for (let i = 0; i < 3; i++)
			WARN_ON_ONCE(i >= 0);
		expect(warn_count).toBe(1);
		expect(WARN(true, "value %d\n", 3)).toBe(true);
		expect(kmsg_text()).toContain("value 3");
	});

	it("parses numbers as the kernel does", () => {
		const v = { v: 0 }, b = { v: false }, rest = { v: "" };
		expect(kstrtoint("-12\n", 0, v)).toBe(0);
		expect(v.v).toBe(-12);
		expect(kstrtouint("0x10", 0, v)).toBe(0);
		expect(v.v).toBe(16);
		expect(kstrtouint("-1", 0, v)).toBe(-EINVAL);
		expect(kstrtouint("4294967296", 0, v)).toBe(-ERANGE);
		expect(kstrtoint("1x", 0, v)).toBe(-EINVAL);
		expect(kstrtobool("off", b)).toBe(0);
		expect(b.v).toBe(false);
		expect(memparse("2M,rest", rest)).toBe(2 << 20);
		expect(rest.v).toBe(",rest");
	});
});

describe("parameters", () => {
	it("come from the command line and from writes", () => {
		let on = false, n = 1;
		module_param("test-mod", "on", param_bool(() => on, (v) => {
			on = v;
		}), 0o644);
		module_param("test-mod", "n", param_int(() => n, (v) => {
			n = v;
		}), 0o444);
		expect(parse_args("test_mod.on test_mod.n=-5 other=3 test-mod.n=x")).toEqual(
			["other=3",
			"test-mod.n=x"]);
		expect([on, n]).toEqual([true, -5]);
		const [p_on, p_n] = module_params("test_mod");
		expect(p_on!.ops.get()).toBe("Y");
		expect(param_attr_store(p_on!, "N\n")).toBe(0);
		expect(on).toBe(false);
		expect(param_attr_store(p_n!, "3")).toBe(-EPERM);
	});
});

describe("tracepoints", () => {
	it("fire to the sink only while enabled", () => {
		const seen: string[] = [];
		const tp = DEFINE_TRACE("kunit", "event", (a: number) => `a=${a}`);
		const trace = (a: number): void => {
			if (tp.enabled)
				tp.fire(a);
		};
		set_trace_sink((e) => seen.push(`${e.system}:${e.name}: ${e.text}`));
		trace(1);
		expect(trace_set_event("kunit:*", true)).toBe(1);
		trace(2);
		trace_set_event("kunit:event", false);
		trace(3);
		set_trace_sink(null);
		expect(seen).toEqual(["kunit:event: a=2"]);
	});
});

describe("timers", () => {
	beforeEach(() => {
		clock_reset();
		hrtimers_init();
	});

	it("expire in the order of time, then of starting, under random operations", () => {
		const rnd = new struct_rnd_state();
		prandom_seed_state(rnd, 7);
		const fired: [number, number][] = [];
		const timers = Array.from({ length: 64 }, (_, i) => {
			const t = new struct_hrtimer(null);
			hrtimer_init(t, 1, HRTIMER_MODE_ABS);
			t.function_ = () => {
				fired.push([t._softexpires, i]);
				return 0;
			};
			return t;
		});
		const due = new Map<number, number>();
		for (let i = 0; i < 2000; i++) {
			const n = prandom_u32_state(rnd) % 64;
			if (prandom_u32_state(rnd) % 3 === 0) {
				expect(hrtimer_cancel(timers[n]!)).toBe(due.has(n) ? 1 : 0);
				due.delete(n);
			} else {
				const at = prandom_u32_state(rnd) % 1000;
				hrtimer_start(timers[n]!, at, HRTIMER_MODE_ABS);
				due.set(n, at);
			}
			expect(hrtimer_next_event()).toBe(Math.min(Infinity, ...due.values()));
		}
		hrtimer_run_queues(1000);
		expect(fired.map(([at]) => at)).toEqual(fired.map(([at]) => at).sort((a,
			b) => a - b));
		expect(new Map(fired.map(([at, i]) => [i, at]))).toEqual(due);
	});

	it("run in interrupt context, and can start themselves again", () => {
		const ctx: string[] = [];
		let rounds = 0;
		const hr = new struct_hrtimer(null), tl = new struct_timer_list(null);
		hrtimer_init(hr, 1, HRTIMER_MODE_ABS);
		hr.function_ = (t) => {
			ctx.push(in_hardirq() ? "hard" : "?");
			if (++rounds === 3)
				return 0;
			hrtimer_forward_now(t, 100);
			return 1;
		};
		timer_setup(tl, () => ctx.push(in_softirq() && !in_hardirq() ? "soft" : "?"), 0);
		hrtimer_start(hr, 50, HRTIMER_MODE_ABS);
		mod_timer(tl, 1);
		for (let now = 0; now <= 5e6; now += 50) {
			clock_advance_to(now);
			hrtimer_run_queues(now);
		}
		expect(ctx).toEqual(["hard", "hard", "hard", "soft"]);
		expect(del_timer(tl)).toBe(false);
	});
});

describe("wait queues", () => {
	it("wake all shared waiters and one exclusive one", () => {
		const wq = DECLARE_WAIT_QUEUE_HEAD("test_wq");
		const me = current;
		const tasks = ["a", "b", "x", "y"].map(make_task);
		const waits = tasks.map((t, i) => {
			set_current(t);
			const w = DEFINE_WAIT();
			if (i < 2)
				prepare_to_wait(wq, w, TASK_INTERRUPTIBLE);
			else
				prepare_to_wait_exclusive(wq, w, TASK_UNINTERRUPTIBLE);
			return w;
		});
		set_current(me);
		expect(waitqueue_active(wq)).toBe(true);
		wake_up(wq);
		expect(tasks.map((t) => t.__state)).toEqual([0, 0, 0, TASK_UNINTERRUPTIBLE]);
		wake_up_all(wq);
		expect(tasks[3]!.__state).toBe(TASK_RUNNING);
		expect(waitqueue_active(wq)).toBe(false);
		finish_wait(wq, waits[0]!);
	});

	it("a plain entry stays on the queue", () => {
		const wq = DECLARE_WAIT_QUEUE_HEAD("test_wq2"), w = new wait_queue_entry_t(null);
		init_waitqueue_entry(w, current);
		add_wait_queue(wq, w);
		wake_up(wq);
		expect(waitqueue_active(wq)).toBe(true);
	});

	it("a system call that waits is queued, and off the queue when it runs again", () => {
		const wq = DECLARE_WAIT_QUEUE_HEAD("test_wq3");
		const t = current;
		expect(wait_event_restart(wq, TASK_INTERRUPTIBLE)).toBe(-ERESTARTWAIT);
		expect(t.__state).toBe(TASK_INTERRUPTIBLE);
		wake_up(wq);
		expect(t.__state).toBe(TASK_RUNNING);
		finish_restart_wait(t);
		expect(waitqueue_active(wq)).toBe(false);
		expect(t.restart_wait.active).toBe(true);
		clear_restart_wait(t);
		t.thread_info_flags |= 1 << TIF_SIGPENDING;
		expect(wait_event_restart(wq, TASK_INTERRUPTIBLE)).toBe(-ERESTARTSYS);
		expect(wait_event_restart(wq, TASK_UNINTERRUPTIBLE)).toBe(-ERESTARTWAIT);
		clear_restart_wait(t);
		expect(t.__state).toBe(TASK_RUNNING);
	});

	it("a timed wait in the kernel ends by the clock", () => {
		clock_reset();
		hrtimers_init();
		const wq = DECLARE_WAIT_QUEUE_HEAD("test_wq4");
		expect(wait_event_timeout(wq, () => false, 10)).toBe(0);
		expect(wait_event_timeout(wq, () => true, 10)).toBe(10);
	});
});

describe("lockdep", () => {
	it("agrees with a plain search for cycles, over random lock sequences", () => {
		const rnd = new struct_rnd_state();
		prandom_seed_state(rnd, 11);
		let reports = 0;
		for (let round = 0; round < 60; round++) {
			const locks = Array.from({ length: 6 }, (_,
				i) => DEFINE_MUTEX(`fuzz${round}_${i}`));
			const edges = new Set<string>();
			const reach = (from: number, to: number): boolean => {
				const seen = new Set([from]), todo = [from];
				for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
					if (at === to)
						return true;
					for (let n = 0; n < 6; n++) {
						if (edges.has(`${at}>${n}`) && !seen.has(n)) {
							seen.add(n);
							todo.push(n);
						}
					}
				}
				return false;
			};
			sequence: for (let i = 0; i < 30; i++) {
				const held: number[] = [];
				for (let n = 0; n < 3; n++) {
					const next = prandom_u32_state(rnd) % 6;
					if (held.includes(next))
						continue;
					const bad = held.some((h) => reach(next, h));
					let said = false;
					try {
						mutex_lock(locks[next]!);
					} catch (e) {
						expect(e).toBeInstanceOf(kernel_bug);
						said = true;
					}
					expect(said).toBe(bad);
					if (said) {
						reports++;
						while (held.length !== 0)
							mutex_unlock(locks[held.pop()!]!);
						break sequence;
					}
					if (held.length !== 0)
						edges.add(`${held.at(-1)}>${next}`);
					held.push(next);
				}
				/* any order of release */
				while (held.length !== 0)
					mutex_unlock(locks[held.splice(prandom_u32_state(
						rnd) % held.length, 1)[0]!]!);
				expect(lockdep_depth(current)).toBe(0);
			}
		}
		expect(reports).toBeGreaterThan(20);
	});
});
