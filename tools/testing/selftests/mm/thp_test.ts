// SPDX-License-Identifier: GPL-2.0
/*
 * Transparent huge pages of anonymous memory: who gets them, and what is left of them and of their
 * contents when a part is unmapped, freed, protected, moved, shared or locked.
 *
 * Port-only.
 */
import {
	MADV_COLD, MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_NORMAL,
	MADV_POPULATE_READ, MADV_POPULATE_WRITE, MREMAP_DONTUNMAP, MREMAP_FIXED,
	MREMAP_MAYMOVE, PROT_NONE, PROT_READ,
} from "#uapi/linux/mman.ts";
import {
	close, madvise, memfd_create, mincore, mlock, mprotect, mremap, munlock,
	munmap, peek, pread, pwrite, user_load8, user_store8,
} from "#tools/include/nolibc/nolibc.ts";
import { prng } from "#tools/include/nolibc/prng.ts";
import {
	above, anon_huge, area, AT, check_file, child, complain, complaints, denied, ELSEWHERE,
	enabled, equal, free_pages, gate, HPAGE, HPAGE_NR, KiB, map_anon, memfd, MiB, mlocked,
	move, must, PAGE, PARTS, random_part, reap, run_cases, RW, set, shrink, spawn,
	type test_case, THP, type wait, with_failures,
} from "./thp_common.ts";

/** A huge page, filled. */
function huge_area(seed = 1, nr = 1, at = AT): area {
	const a = new area(map_anon(nr * HPAGE_NR, at), nr * HPAGE);
	a.put(seed);
	anon_huge(nr, "filled");
	return a;
}

const anon: test_case[] = [
	["policies", function* (): wait {
		const advices: [string, number][] = [["no advice", MADV_NORMAL],
			["MADV_HUGEPAGE", MADV_HUGEPAGE], ["MADV_NOHUGEPAGE", MADV_NOHUGEPAGE]];
		for (const policy of ["always", "madvise", "never"]) {
			enabled(policy);
			for (const [name, advice] of advices) {
				const what = `${policy}, ${name}`;
				const a = new area(map_anon(HPAGE_NR), HPAGE);
				must(madvise(a.p, HPAGE, advice), what);
				a.put(1, 5 * PAGE + 17, 8);
				const expected = policy === "always" ? advice !== MADV_NOHUGEPAGE :
					policy === "madvise" && advice === MADV_HUGEPAGE;
				anon_huge(expected ? 1 : 0, what);
				equal(above("AnonPages"), expected ? 2048 : 4, `${what}: AnonPages`);
				a.check(what);
				must(munmap(a.p, HPAGE), "munmap");
				equal(above("AnonPages"), 0, `${what}: AnonPages after munmap`);
			}
		}
	}],
	["too small or not aligned", function* (): wait {
		map_anon(HPAGE_NR - 1);
		user_store8(AT, 1);
		anon_huge(0, "2 MiB less a page");
		must(munmap(AT, HPAGE), "munmap");
		/* 3 MiB from the middle of a huge page on: only the second half can be huge */
		const a = new area(map_anon(3 * MiB / PAGE, AT + MiB), 3 * MiB);
		a.put(2, 0, MiB);
		anon_huge(0, "before the border");
		a.put(3, MiB + 5, 100);
		anon_huge(1, "behind the border");
		a.check("both");
	}],
	["huge zero page", function* (): wait {
		const a = new area(map_anon(2 * HPAGE_NR), 2 * HPAGE);
		equal(user_load8(a.p + 77), 0, "zero");
		equal(user_load8(a.p + HPAGE), 0, "zero");
		equal(above("AnonPages"), 0, "read: AnonPages");
		a.check("read");
		/* written: a small page of its own, the rest stays zero */
		a.put(1, 9 * PAGE, 8);
		anon_huge(0, "written");
		equal(above("AnonPages"), 4, "written: AnonPages");
		a.check("written");
		yield* child(function* (): wait {
			const c = a.copy();
			c.put(2, HPAGE + 3 * PAGE, 20);
			c.check("child");
		});
		a.check("after the child");
		a.put(3, HPAGE + 5 * PAGE, 100);
		a.check("second");
		must(munmap(a.p, 2 * HPAGE), "munmap");
		shrink();
	}],
	["parts of the huge zero page", function* (): wait {
		for (const [name, off, len] of PARTS) {
			const a = new area(map_anon(HPAGE_NR), HPAGE);
			user_load8(a.p);
			must(munmap(a.p + off, len), name);
			map_anon(len / PAGE, a.p + off);
			a.check(`${name} unmapped`);
			must(mprotect(a.p + off, len, PROT_READ), name);
			denied(name, () => user_store8(a.p + off, 1));
			must(mprotect(a.p + off, len, RW), name);
			a.put(1, off, len);
			a.check(`${name} written`);
			must(munmap(a.p, HPAGE), "munmap");
			map_anon(HPAGE_NR);
			user_load8(a.p);
			must(mprotect(a.p, HPAGE, PROT_READ), "mprotect");
			must(madvise(a.p + off, len, MADV_DONTNEED), name);
			must(madvise(a.p, HPAGE, MADV_DONTNEED), name);
			user_load8(a.p);
			move(a.p, HPAGE, ELSEWHERE);
			equal(user_load8(ELSEWHERE + off), 0, "moved");
			must(munmap(ELSEWHERE, HPAGE), "munmap");
			equal(above("AnonPages"), 0, `${name}: AnonPages`);
		}
	}],
	["use_zero_page=0", function* (): wait {
		set(`${THP}/use_zero_page`, "0");
		const a = new area(map_anon(HPAGE_NR), HPAGE);
		equal(user_load8(a.p), 0, "zero");
		set(`${THP}/use_zero_page`, "1");
		anon_huge(1, "read");
		a.check("read");
		a.put(1);
		anon_huge(1, "written");
		a.check("written");
	}],
	["munmap of parts", function* (): wait {
		for (const [name, off, len] of PARTS) {
			const a = huge_area();
			const free = free_pages();
			must(munmap(a.p + off, len), name);
			anon_huge(0, name);
			equal(above("AnonPages") * KiB, HPAGE - len, `${name}: AnonPages`);
			a.check(name, 0, off);
			a.check(name, off + len);
			denied(name, () => user_load8(a.p + off));
			if (free_pages() - free > 8)
				complain(`${name}: freed before it was split`);
			shrink();
			const freed = free_pages() - free;
			if (freed < len / PAGE - 8 || freed > len / PAGE + 8)
				complain(`${name}: ${freed} pages freed by the split, not ${len / PAGE}`);
			a.check(`${name} split`, 0, off);
			a.check(`${name} split`, off + len);
			must(munmap(a.p, HPAGE), "munmap");
			equal(above("AnonPages"), 0, `${name}: AnonPages after munmap`);
		}
	}],
	["MADV_DONTNEED", function* (): wait {
		for (const [name, off, len] of PARTS) {
			const a = huge_area();
			must(madvise(a.p + off, len, MADV_DONTNEED), name);
			anon_huge(0, name);
			a.was_zeroed(off, len);
			a.check(name);
			a.put(2, off, len);
			shrink();
			a.check(`${name} written again`);
			must(madvise(a.p, HPAGE, MADV_DONTNEED), "MADV_DONTNEED");
			equal(above("AnonPages"), 0, `${name}: AnonPages after MADV_DONTNEED`);
			must(munmap(a.p, HPAGE), "munmap");
		}
		const a = huge_area(1, 2);
		must(madvise(a.p, HPAGE, MADV_DONTNEED), "MADV_DONTNEED");
		anon_huge(1, "whole");
		a.was_zeroed(0, HPAGE);
		a.check("whole");
	}],
	["mprotect", function* (): wait {
		for (const prot of [PROT_READ, PROT_NONE]) {
			const a = huge_area();
			must(mprotect(a.p, HPAGE, prot), "mprotect");
			anon_huge(1, "whole");
			denied("whole", () => user_store8(a.p + 5, 1));
			if (prot === PROT_NONE)
				denied("whole", () => user_load8(a.p + 5));
			else
				a.check("read-only");
			must(mprotect(a.p, HPAGE, RW), "mprotect");
			a.check("back");
			a.put(2, 100, 3 * PAGE);
			anon_huge(1, "written");
			a.check("written");
			must(munmap(a.p, HPAGE), "munmap");
			for (const [name, off, len] of PARTS) {
				const b = huge_area();
				must(mprotect(b.p + off, len, prot), name);
				anon_huge(0, name);
				equal(above("AnonPages"), 2048, `${name}: AnonPages`);
				denied(name, () => user_store8(b.p + off + len - 1, 1));
				b.check(name, 0, off);
				b.check(name, off + len);
				must(mprotect(b.p, HPAGE, RW), name);
				b.check(`${name} back`);
				b.put(3);
				shrink();
				b.check(`${name} written`);
				must(munmap(b.p, HPAGE), "munmap");
			}
		}
	}],
	["fork, the child writes", function* (): wait {
		const a = huge_area();
		yield* child(function* (): wait {
			const c = a.copy();
			c.check("child");
			anon_huge(1, "shared");
			c.put(2, 7 * PAGE + 1, 10);
			c.check("child wrote");
			anon_huge(1, "parent's");
			c.put(3, MiB, 300 * KiB);
			c.check("child wrote more");
		});
		a.check("parent");
		/* alone again: nothing to copy */
		a.put(4, 33, 4);
		anon_huge(1, "parent wrote");
		equal(above("AnonPages"), 2048, "parent wrote: AnonPages");
		a.check("parent wrote");
	}],
	["fork, the parent writes", function* (): wait {
		const a = huge_area();
		const go = new gate(), c = a.copy();
		const pid = spawn(function* (): wait {
			yield* go.pass();
			c.check("child");
			anon_huge(1, "child's");
			c.put(3, 0, 50);
			c.check("child wrote");
		});
		a.put(2, 3 * PAGE, 2 * PAGE);
		a.check("parent wrote");
		go.open = true;
		yield* reap(pid);
		a.check("parent alone");
		a.put(5);
		a.check("parent alone, written");
		equal(above("AnonPages"), 2048, "AnonPages");
		shrink();
		a.check("shrunk");
	}],
	["fork, parts go", function* (): wait {
		for (const [name, off, len] of PARTS) {
			const a = huge_area();
			const go = new gate(), c = a.copy();
			const pid = spawn(function* (): wait {
				yield* go.pass();
				c.check(`${name}: child`);
				must(munmap(c.p, HPAGE - PAGE), "munmap");
				c.check(`${name}: child`, HPAGE - PAGE);
			});
			must(madvise(a.p + off, len, MADV_DONTNEED), name);
			a.was_zeroed(off, len);
			a.check(`${name}: parent`);
			shrink();
			go.open = true;
			yield* reap(pid);
			shrink();
			a.check(`${name}: parent alone`);
			a.put(2, off, len);
			a.check(`${name}: parent wrote`);
			must(munmap(a.p, HPAGE), "munmap");
			equal(above("AnonPages"), 0, `${name}: AnonPages`);
		}
	}],
	["fork, three generations", function* (): wait {
		const a = huge_area(1, 2);
		yield* child(function* (): wait {
			const c = a.copy();
			c.put(2, 0, PAGE);
			must(munmap(a.p + HPAGE + MiB, MiB), "munmap");
			yield* child(function* (): wait {
				const d = c.copy();
				d.put(3, PAGE, 2 * PAGE);
				d.put(4, HPAGE, MiB);
				d.check("grandchild", 0, HPAGE + MiB);
			});
			c.check("child", 0, HPAGE + MiB);
			c.put(5, PAGE, PAGE);
			c.check("child wrote", 0, HPAGE + MiB);
		});
		a.check("parent");
		a.put(6);
		a.check("parent wrote");
	}],
	["mremap", function* (): wait {
		const a = huge_area(1, 2);
		a.p = move(a.p, 2 * HPAGE, ELSEWHERE);
		anon_huge(2, "whole");
		a.check("whole");
		denied("old place", () => user_load8(AT));
		a.put(2, 5, 70000);
		a.p = move(a.p, 2 * HPAGE, AT + 8 * HPAGE + 3 * PAGE);
		anon_huge(0, "to an odd address");
		a.check("to an odd address");
		shrink();
		a.check("shrunk");
		a.put(3);
		a.p = move(a.p, 2 * HPAGE, AT);
		a.check("back");
		must(munmap(a.p, 2 * HPAGE), "munmap");

		for (const [name, off, len] of PARTS) {
			const b = huge_area();
			const moved = new area(move(b.p + off, len, ELSEWHERE + off), len);
			moved.want.set(b.want.subarray(off, off + len));
			anon_huge(0, name);
			moved.check(`${name} moved`);
			b.check(`${name} left`, 0, off);
			b.check(`${name} left`, off + len);
			moved.put(4);
			yield* child(function* (): wait {
				moved.copy().put(5);
			});
			shrink();
			moved.check(`${name} written`);
			b.check(`${name} still there`, 0, off);
			must(munmap(moved.p, len), "munmap");
			must(munmap(b.p, HPAGE), "munmap");
			equal(above("AnonPages"), 0, `${name}: AnonPages`);
		}

		const c = huge_area();
		must(mremap(c.p, HPAGE, MiB, 0), "shrink");
		c.check("shrunk", 0, MiB);
		must(mremap(c.p, MiB, HPAGE, 0), "grow");
		c.was_zeroed(MiB);
		c.check("grown");
		must(munmap(c.p, HPAGE), "munmap");

		const d = huge_area();
		must(mremap(d.p, HPAGE, HPAGE, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
			ELSEWHERE), "MREMAP_DONTUNMAP");
		anon_huge(1, "MREMAP_DONTUNMAP");
		d.copy(ELSEWHERE).check("MREMAP_DONTUNMAP");
		d.was_zeroed();
		d.check("left behind");
	}],
	["mlock", function* (): wait {
		const a = huge_area();
		must(mlock(a.p, HPAGE), "mlock");
		mlocked(HPAGE_NR, "mlock");
		anon_huge(1, "mlock");
		must(munlock(a.p, HPAGE), "munlock");
		mlocked(0, "munlock");
		must(mlock(a.p, HPAGE), "mlock");
		yield* child(function* (): wait {
			const c = a.copy();
			c.put(2, 0, 10 * PAGE);
			c.check("child");
		});
		mlocked(HPAGE_NR, "after the child");
		a.put(3, 0, 5);
		must(munmap(a.p, MiB), "munmap");
		a.check("half", MiB);
		shrink();
		a.check("half, shrunk", MiB);
		must(munmap(a.p, HPAGE), "munmap");
		mlocked(0, "munmap");

		/* locked before it is there */
		map_anon(HPAGE_NR);
		must(mlock(AT, HPAGE), "mlock");
		anon_huge(1, "populated");
		mlocked(HPAGE_NR, "populated");
		must(munmap(AT, HPAGE), "munmap");
		mlocked(0, "munmap");

		for (const [name, off, len] of PARTS) {
			const b = huge_area();
			must(mlock(b.p + off, len), name);
			anon_huge(0, name);
			shrink();
			b.check(name);
			must(munlock(b.p + off, len), name);
			mlocked(0, `${name} unlocked`);
			must(mlock(b.p, HPAGE), "mlock");
			b.put(4);
			must(mprotect(b.p + off, len, PROT_READ), "mprotect");
			b.check(`${name} read-only`);
			must(munmap(b.p, HPAGE), "munmap");
			mlocked(0, `${name} unmapped`);
		}
		/* the rest is up to exit */
		const c = huge_area(5, 2);
		must(mlock(c.p, 2 * HPAGE), "mlock");
		must(munmap(c.p + MiB, 5 * PAGE), "munmap");
	}],
	["MADV_FREE and MADV_COLD", function* (): wait {
		for (const advice of [MADV_FREE, MADV_COLD]) {
			const a = huge_area();
			must(madvise(a.p, HPAGE, advice), "madvise");
			anon_huge(1, "whole");
			a.check("whole");
			a.put(2, 0, 100);
			a.check("written");
			must(munmap(a.p, HPAGE), "munmap");
			for (const [name, off, len] of PARTS) {
				const b = huge_area();
				must(madvise(b.p + off, len, advice), name);
				anon_huge(0, name);
				b.check(name);
				b.put(3, off, len);
				b.check(`${name} written`);
				yield* child(function* (): wait {
					must(madvise(b.p, HPAGE, advice), "madvise");
					b.check("child");
				});
				must(munmap(b.p, HPAGE), "munmap");
				equal(above("AnonPages"), 0, `${name}: AnonPages`);
			}
			/* shared, whole: stays as it is */
			const c = huge_area();
			yield* child(function* (): wait {
				must(madvise(c.p, HPAGE, advice), "madvise");
				anon_huge(1, "shared");
				c.check("shared");
			});
			must(munmap(c.p, HPAGE), "munmap");
		}
	}],
	["MADV_NOHUGEPAGE and MADV_HUGEPAGE of parts", function* (): wait {
		const a = huge_area();
		must(madvise(a.p + MiB, 10 * PAGE, MADV_NOHUGEPAGE), "MADV_NOHUGEPAGE");
		anon_huge(0, "part");
		a.check("part");
		must(madvise(a.p + MiB, 10 * PAGE, MADV_HUGEPAGE), "MADV_HUGEPAGE");
		must(madvise(a.p, HPAGE, MADV_DONTNEED), "MADV_DONTNEED");
		a.was_zeroed();
		a.put(3, 0, 4);
		a.check("again");
		must(madvise(a.p, HPAGE, MADV_NOHUGEPAGE), "MADV_NOHUGEPAGE");
		a.check("whole");
	}],
	["MADV_POPULATE and mincore", function* (): wait {
		const vec = map_anon(1, ELSEWHERE);
		const a = new area(map_anon(2 * HPAGE_NR), 2 * HPAGE);
		must(madvise(a.p, HPAGE, MADV_POPULATE_READ), "MADV_POPULATE_READ");
		equal(above("AnonPages"), 0, "MADV_POPULATE_READ: AnonPages");
		must(madvise(a.p + HPAGE, HPAGE, MADV_POPULATE_WRITE), "MADV_POPULATE_WRITE");
		anon_huge(1, "MADV_POPULATE_WRITE");
		must(munmap(a.p + HPAGE + MiB, MiB), "munmap");
		map_anon(MiB / PAGE, a.p + HPAGE + MiB);
		must(mincore(a.p, 2 * HPAGE, vec), "mincore");
		const there = peek(vec, 2 * HPAGE_NR);
		equal(there.indexOf(0), HPAGE_NR + MiB / PAGE, "mincore: first missing");
		equal(there.lastIndexOf(1), HPAGE_NR + MiB / PAGE - 1, "mincore: last there");
		a.check("zero");
	}],
	["read() and write()", function* (): wait {
		const fd = must(memfd_create("thp", 0), "memfd_create");
		const a = huge_area(1, 2);
		equal(pwrite(fd, a.p + 77, 3 * MiB, 0), 3 * MiB, "pwrite");
		check_file(fd, a.want.slice(77, 77 + 3 * MiB), "written");
		/* into what is there, what is zero, and what is not */
		const b = new area(map_anon(3 * HPAGE_NR, ELSEWHERE), 3 * HPAGE);
		b.put(2, 0, 5);
		user_load8(b.p + HPAGE);
		equal(pread(fd, b.p + MiB + 5, 3 * MiB, 0), 3 * MiB, "pread");
		b.want.set(a.want.subarray(77, 77 + 3 * MiB), MiB + 5);
		b.check("read");
		equal(pread(fd, b.p + 2 * HPAGE + 9, MiB, MiB), MiB, "pread");
		b.want.set(a.want.subarray(77 + MiB, 77 + 2 * MiB), 2 * HPAGE + 9);
		b.check("read again");
		yield* child(function* (): wait {
			equal(pread(fd, b.p, MiB, 0), MiB, "pread");
		});
		b.check("after the child");
		close(fd);
	}],
	["no huge page to be had", function* (): wait {
		const a = new area(map_anon(HPAGE_NR), HPAGE);
		with_failures(() => {
			a.put(1, 0, 3 * PAGE);
			anon_huge(0, "write");
			equal(above("AnonPages"), 12, "write: AnonPages");
		});
		a.check("written");
		must(munmap(a.p, HPAGE), "munmap");
		map_anon(HPAGE_NR);
		shrink();
		with_failures(() => equal(user_load8(a.p + PAGE), 0, "zero"));
		equal(above("AnonPages"), 0, "read: AnonPages");
		a.was_zeroed();
		a.check("read");
		a.put(2);
		a.check("written after that");
		anon_huge(0, "small by now");
	}],
	["left to exit", function* (): wait {
		const a = huge_area(1, 4);
		must(munmap(a.p + 5 * PAGE, 7 * PAGE), "munmap");
		must(mprotect(a.p + HPAGE + MiB, PAGE, PROT_NONE), "mprotect");
		must(mlock(a.p + 2 * HPAGE, HPAGE), "mlock");
		map_anon(HPAGE_NR, ELSEWHERE);
		user_load8(ELSEWHERE);
		yield* child(function* (): wait {
			user_store8(a.p + 3 * HPAGE, 1);
			must(munmap(a.p + 3 * HPAGE + MiB, PAGE), "munmap");
		});
	}],
];

function* random_anon(seed: number, steps: number): wait {
	const r = new prng(seed);
	const len = 3 * HPAGE;
	const fd = memfd(0);
	const a = new area(map_anon(len / PAGE), len);
	const go = new gate();
	const pids: number[] = [];
	const trace: string[] = [];

	enabled("always");
	a.put(1);
	for (let i = 0; i < steps && complaints.length === 0; i++) {
		const [off, n] = random_part(r, len);
		const p = a.p + off;
		const op = r.below(14);
		trace.push(`${op}: ${off / PAGE}+${n / PAGE}`);
		switch (op) {
		case 0:
		case 1:
			a.put(2 + r.below(8), off + r.below(PAGE), r.below(n - PAGE + 1));
			break;
		case 2:
			must(munmap(p, n), "munmap");
			map_anon(n / PAGE, p);
			a.was_zeroed(off, n);
			break;
		case 3:
			must(munlock(p, n), "munlock");
			must(madvise(p, n, MADV_DONTNEED), "MADV_DONTNEED");
			a.was_zeroed(off, n);
			break;
		case 4:
			must(mprotect(p, n, r.chance(1, 2) ? PROT_READ : PROT_NONE), "mprotect");
			denied("mprotect", () => user_store8(p + r.below(n), 1));
			must(mprotect(p, n, RW), "mprotect");
			break;
		case 5: {
			const to = ELSEWHERE + (r.chance(1, 2) ? off : r.below(1024) * PAGE);
			if (mremap(p, n, n, MREMAP_MAYMOVE | MREMAP_FIXED, to) < 0)
				break;
			user_store8(to + n - 1, a.want[off + n - 1] = 0x77);
			move(to, n, p);
			break;
		}
		case 6:
			must(mlock(p, n), "mlock");
			break;
		case 7:
			must(munlock(p, n), "munlock");
			break;
		case 8:
			yield* child(function* (): wait {
				const c = a.copy();
				c.put(12, off, n);
				if (r.chance(1, 2))
					must(munmap(c.p, off + PAGE), "munmap");
				else
					c.check(`child, ${trace.slice(-4).join(", ")}`);
			});
			break;
		case 9: {
			if (pids.length >= 3)
				break;
			const c = a.copy();
			pids.push(spawn(function* (): wait {
				yield* go.pass();
				c.check("left behind");
				c.put(13, off, n);
				c.check("left behind, written");
			}));
			break;
		}
		case 10:
			must(madvise(p, n, r.chance(1, 3) ? MADV_NOHUGEPAGE : MADV_HUGEPAGE), "madvise");
			break;
		case 11:
			shrink();
			break;
		case 12:
			must(munlock(p, n), "munlock");
			must(madvise(p, n, r.chance(1, 2) ? MADV_FREE : MADV_COLD), "madvise");
			break;
		case 13: {
			const m = Math.min(n, MiB);
			equal(pwrite(fd, p, m, 0), m, "pwrite");
			const to = r.below(len - m);
			equal(pread(fd, a.p + to, m, 0), m, "pread");
			a.want.copyWithin(to, off, off + m);
			break;
		}
		}
		if (i % 5 === 4 || i === steps - 1)
			a.check(`seed ${seed}, step ${i}, ${trace.slice(-5).join(", ")}`);
	}
	go.open = true;
	for (const pid of pids)
		yield* reap(pid);
	a.check("at the end");
	must(munmap(a.p, len), "munmap");
	mlocked(0, "munmap");
	equal(above("AnonPages"), 0, "AnonPages");
	anon_huge(0, "at the end");
}

const random = [1, 2].map((seed): test_case =>
	[`at random, seed ${seed}`, () => random_anon(seed, 60)]);

export function* main(argc: number, argv: string[]): wait<number> {
	return yield* run_cases([...anon, ...random], argc, argv);
}
