// SPDX-License-Identifier: GPL-2.0
/*
 * Transparent huge pages of tmpfs: which policy gives them, how they are mapped, and what is left
 * of them and of their contents when a part is punched, truncated, unmapped, protected or moved.
 *
 * Port-only.
 */
import { SIGBUS } from "#uapi/asm-generic/signal.ts";
import { SEEK_DATA, SEEK_HOLE } from "#uapi/linux/fs.ts";
import {
	MADV_DONTNEED, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_REMOVE, MAP_FIXED, MAP_PRIVATE,
	MAP_SHARED, MREMAP_FIXED, MREMAP_MAYMOVE, PROT_NONE, PROT_READ,
} from "#uapi/linux/mman.ts";
import {
	close, fallocate, ftruncate, lseek, madvise, mlock, mmap, mprotect,
	mremap, munlock, munmap, sched_yield, user_load8, user_store8,
} from "#tools/include/nolibc/nolibc.ts";
import { prng } from "#tools/include/nolibc/prng.ts";
import {
	above, area, AT, blocks, check_file, child, complaints, denied, ELSEWHERE, equal, gate,
	HPAGE, HPAGE_NR, memfd, MiB, mlocked, move, must, PAGE, PARTS, pattern, pmd_mapped,
	PUNCH, random_part, reap, run_cases, RW, shmem_enabled, shmem_huge, shrink, spawn,
	type test_case, type wait, with_failures, write_pattern,
} from "./thp_common.ts";

function map_file(fd: number, len: number, flags = MAP_SHARED, at = AT, off = 0): number {
	return must(mmap(at, len, RW, flags | MAP_FIXED, fd, off), "mmap");
}

/** A file of huge pages, mapped by PMDs and filled. */
function huge_file(nr = 1, seed = 1): [number, area] {
	const fd = memfd(nr * HPAGE);
	const a = new area(map_file(fd, nr * HPAGE), nr * HPAGE);
	a.put(seed);
	shmem_huge(nr, "filled");
	pmd_mapped(nr, "filled");
	blocks(fd, nr * HPAGE_NR, "filled");
	return [fd, a];
}

function done(fd: number, a: area): void {
	must(munmap(a.p, a.want.length), "munmap");
	close(fd);
	shmem_huge(0, "closed");
	pmd_mapped(0, "closed");
	equal(above("Shmem"), 0, "closed: Shmem");
}

const shmem: test_case[] = [
	["policies", function* (): wait {
		/* policy: huge by fault, by fault with MADV_HUGEPAGE, by write, by fallocate */
		const expected: Record<string, readonly [number, number, number, number]> = {
			never:		[0, 0, 0, 0],
			always:		[1, 1, 1, 1],
			within_size:	[1, 1, 1, 1],
			advise:		[0, 1, 0, 0],
			deny:		[0, 0, 0, 0],
			force:		[1, 1, 1, 1],
		};
		for (const [policy, [fault, advised, write, alloc]] of Object.entries(expected)) {
			shmem_enabled(policy);
			const ways: [string, number, (fd: number, a: area) => void][] = [
				["fault", fault, (_, a) => a.put(1, 5 * PAGE + 1, 9)],
				["MADV_HUGEPAGE", advised, (_, a) => {
					must(madvise(a.p, HPAGE, MADV_HUGEPAGE), "MADV_HUGEPAGE");
					a.put(1, 5 * PAGE + 1, 9);
				}],
				["MADV_NOHUGEPAGE", 0, (_, a) => {
					must(madvise(a.p, HPAGE, MADV_NOHUGEPAGE), "MADV_NOHUGEPAGE");
					a.put(1, 5 * PAGE + 1, 9);
				}],
				["write", write, (fd, a) => {
					write_pattern(fd, 1, 5 * PAGE + 1, 9);
					a.was_put(1, 5 * PAGE + 1, 9);
				}],
				["fallocate", alloc, (fd) => {
					must(fallocate(fd, 0, 5 * PAGE, PAGE), "fallocate");
				}],
			];
			for (const [name, huge, way] of ways) {
				const what = `${policy}, ${name}`;
				const fd = memfd(HPAGE + PAGE);
				const a = new area(map_file(fd, HPAGE), HPAGE);
				way(fd, a);
				shmem_huge(huge, what);
				blocks(fd, huge ? HPAGE_NR : 1, what);
				equal(above("Shmem"), huge ? 2048 : 4, `${what}: Shmem`);
				a.check(what, 0, 64 * PAGE);
				pmd_mapped(name === "MADV_NOHUGEPAGE" ? 0 : huge, what);
				done(fd, a);
			}
		}
	}],
	["within_size and always at the end", function* (): wait {
		const sizes: [number, string, number][] = [[HPAGE, "within_size", 1],
			[HPAGE - PAGE + 1, "within_size", 1], [HPAGE - PAGE, "within_size", 0],
			[MiB, "within_size", 0], [MiB, "always", 1], [MiB, "force", 1], [MiB, "never", 0]];
		for (const [size, policy, huge] of sizes) {
			shmem_enabled(policy);
			const what = `${policy}, ${size}`;
			let fd = memfd(size);
			const a = new area(map_file(fd, HPAGE), HPAGE);
			a.put(1, 3, 20);
			shmem_huge(huge, what);
			pmd_mapped(huge, what);
			a.check(what, 0, size & -PAGE);
			if (size <= HPAGE - PAGE && !huge)
				denied(what, () => user_load8(a.p + (size & -PAGE)), SIGBUS);
			done(fd, a);
			fd = memfd(0);
			write_pattern(fd, 2, 0, 100);
			shmem_huge(policy === "always" || policy === "force" ? 1 : 0, `${what}, write`);
			close(fd);
		}
	}],
	["mapped by PMD or not", function* (): wait {
		shmem_enabled("always");
		const [fd, a] = huge_file(2);
		/* of another alignment */
		const odd = a.copy(map_file(fd, 2 * HPAGE, MAP_SHARED, ELSEWHERE + PAGE));
		odd.check("odd");
		pmd_mapped(2, "odd");
		must(munmap(a.p, 2 * HPAGE), "munmap");
		pmd_mapped(0, "odd alone");
		odd.put(2, HPAGE - 50, 100);
		/* 1 MiB into the file: the second page only */
		const half = map_file(fd, 3 * MiB, MAP_SHARED, AT + MiB, MiB);
		must(mprotect(half, 3 * MiB, PROT_READ), "mprotect");
		const b = new area(half, 3 * MiB);
		b.want.set(odd.want.subarray(MiB));
		b.check("half");
		pmd_mapped(1, "half");
		denied("half", () => user_store8(half + MiB, 1));
		must(munmap(half, 3 * MiB), "munmap");
		/* the kernel's choice of an address is aligned */
		const p = must(mmap(0, 2 * HPAGE, RW, MAP_SHARED, fd, 0), "mmap");
		odd.copy(p).check("chosen");
		pmd_mapped(2, "chosen");
		must(munmap(p, 2 * HPAGE), "munmap");
		done(fd, odd);
	}],
	["read first, then write", function* (): wait {
		shmem_enabled("always");
		const fd = memfd(HPAGE);
		const a = new area(map_file(fd, HPAGE), HPAGE);
		a.check("zero");
		shmem_huge(1, "read");
		pmd_mapped(1, "read");
		a.put(1);
		a.check("written");
		pmd_mapped(1, "written");
		check_file(fd, a.want, "written");
		done(fd, a);
	}],
	["read(), write(), seek", function* (): wait {
		shmem_enabled("always");
		const fd = memfd(3 * HPAGE);
		const a = new area(AT, 3 * HPAGE);
		write_pattern(fd, 1, HPAGE + 5000, 2 * MiB - 6000);
		a.was_put(1, HPAGE + 5000, 2 * MiB - 6000);
		shmem_huge(1, "write");
		check_file(fd, a.want, "written");
		equal(Number(lseek(fd, 0, SEEK_DATA)), HPAGE, "SEEK_DATA");
		equal(Number(lseek(fd, 0, SEEK_HOLE)), 0, "SEEK_HOLE");
		equal(Number(lseek(fd, HPAGE, SEEK_HOLE)), 2 * HPAGE, "SEEK_HOLE");
		write_pattern(fd, 2, 2 * HPAGE - 10, 20);
		a.was_put(2, 2 * HPAGE - 10, 20);
		shmem_huge(2, "across");
		check_file(fd, a.want, "across");
		map_file(fd, 3 * HPAGE);
		a.check("mapped");
		must(fallocate(fd, PUNCH, HPAGE + 64 * PAGE, 16 * PAGE), "punch");
		a.was_zeroed(HPAGE + 64 * PAGE, 16 * PAGE);
		equal(Number(lseek(fd, HPAGE, SEEK_HOLE)), HPAGE + 64 * PAGE, "SEEK_HOLE");
		equal(Number(lseek(fd, HPAGE + 64 * PAGE, SEEK_DATA)), HPAGE + 80 * PAGE, "SEEK_DATA");
		equal(Number(lseek(fd, HPAGE + 80 * PAGE, SEEK_HOLE)), 3 * HPAGE, "SEEK_HOLE");
		check_file(fd, a.want, "punched");
		done(fd, a);
	}],
	["punch", function* (): wait {
		shmem_enabled("always");
		for (const advice of [0, MADV_REMOVE]) {
			for (const mapped of advice ? [true] : [true, false]) {
				for (const [name, off, len] of PARTS) {
					const [fd, a] = huge_file();
					if (!mapped)
						must(munmap(a.p, HPAGE), "munmap");
					if (advice)
						must(madvise(a.p + off, len, advice), name);
					else
						must(fallocate(fd, PUNCH, off, len), name);
					a.was_zeroed(off, len);
					shmem_huge(0, name);
					pmd_mapped(0, name);
					blocks(fd, (HPAGE - len) / PAGE, name);
					check_file(fd, a.want, name);
					if (!mapped)
						map_file(fd, HPAGE);
					a.put(2, off, 7);
					a.check(name);
					done(fd, a);
				}
			}
		}
		/* not in pages */
		const [fd, a] = huge_file(3);
		must(fallocate(fd, PUNCH, 5000, 95000), "punch");
		a.was_zeroed(5000, 95000);
		shmem_huge(2, "bytes");
		blocks(fd, 3 * HPAGE_NR - 22, "bytes");
		check_file(fd, a.want, "bytes");
		must(fallocate(fd, PUNCH, HPAGE + 10, 20), "punch");
		a.was_zeroed(HPAGE + 10, 20);
		shmem_huge(1, "a few bytes");
		check_file(fd, a.want, "a few bytes");
		blocks(fd, 3 * HPAGE_NR - 22, "a few bytes");
		must(fallocate(fd, PUNCH, 2 * HPAGE, HPAGE), "punch");
		a.was_zeroed(2 * HPAGE, HPAGE);
		blocks(fd, 2 * HPAGE_NR - 22, "whole");
		check_file(fd, a.want, "whole");
		a.put(3);
		a.check("filled again");
		must(fallocate(fd, PUNCH, 0, 3 * HPAGE), "punch");
		blocks(fd, 0, "everything");
		shmem_huge(0, "everything");
		a.was_zeroed();
		a.check("everything");
		shmem_huge(3, "read again");
		done(fd, a);
	}],
	["truncate", function* (): wait {
		shmem_enabled("always");
		for (const size of [MiB + 100, MiB, HPAGE - 1, HPAGE - PAGE, 0]) {
			for (const mapped of [true, false]) {
				const what = `to ${size}`;
				const [fd, a] = huge_file();
				if (!mapped)
					must(munmap(a.p, HPAGE), "munmap");
				must(ftruncate(fd, size), what);
				blocks(fd, Math.ceil(size / PAGE), what);
				pmd_mapped(0, what);
				a.was_zeroed(size);
				if (!mapped)
					map_file(fd, HPAGE);
				a.check(what, 0, Math.ceil(size / PAGE) * PAGE);
				if (size <= HPAGE - PAGE)
					denied(what, () => user_load8(a.p + HPAGE - 1), SIGBUS);
				must(ftruncate(fd, HPAGE), "ftruncate");
				a.check(`${what} and back`);
				check_file(fd, a.want, `${what} and back`);
				done(fd, a);
			}
		}
	}],
	["beyond the end", function* (): wait {
		shmem_enabled("always");
		const fd = memfd(0);
		const a = new area(AT, 5 * PAGE);
		write_pattern(fd, 1, 0, 5 * PAGE - 7);
		a.was_put(1, 0, 5 * PAGE - 7);
		shmem_huge(1, "write");
		blocks(fd, HPAGE_NR, "write");
		map_file(fd, 5 * PAGE);
		a.check("mapped");
		/* what the file does not need is given back */
		shrink();
		shmem_huge(0, "shrunk");
		blocks(fd, 5, "shrunk");
		a.check("shrunk");
		must(fallocate(fd, PUNCH, 0, HPAGE), "punch");
		write_pattern(fd, 1, 0, 5 * PAGE - 7);
		shmem_huge(1, "write again");
		must(ftruncate(fd, HPAGE), "grow");
		const b = new area(map_file(fd, HPAGE, MAP_SHARED, ELSEWHERE), HPAGE);
		b.want.set(a.want);
		b.check("grown");
		must(munmap(b.p, HPAGE), "munmap");
		done(fd, a);
	}],
	["mprotect", function* (): wait {
		shmem_enabled("always");
		const [fd, a] = huge_file();
		must(mprotect(a.p, HPAGE, PROT_READ), "mprotect");
		pmd_mapped(1, "whole");
		denied("whole", () => user_store8(a.p, 1));
		a.check("whole");
		must(mprotect(a.p, HPAGE, PROT_NONE), "mprotect");
		denied("nothing", () => user_load8(a.p));
		must(mprotect(a.p, HPAGE, RW), "mprotect");
		a.put(2, 10, 10000);
		pmd_mapped(1, "back");
		a.check("back");
		for (const [name, off, len] of PARTS) {
			must(mprotect(a.p + off, len, PROT_READ), name);
			pmd_mapped(0, name);
			denied(name, () => user_store8(a.p + off, 1));
			a.check(name);
			must(mprotect(a.p, HPAGE, RW), name);
			a.put(3, off, len);
			a.check(`${name} written`);
			must(munmap(a.p, HPAGE), "munmap");
			map_file(fd, HPAGE);
			a.check(`${name} mapped again`);
			pmd_mapped(1, `${name} mapped again`);
		}
		shmem_huge(1, "never split");
		done(fd, a);
	}],
	["munmap, MADV_DONTNEED, mremap of parts", function* (): wait {
		shmem_enabled("always");
		const [fd, a] = huge_file();
		for (const [name, off, len] of PARTS) {
			must(munmap(a.p + off, len), name);
			pmd_mapped(0, `${name} unmapped`);
			denied(name, () => user_load8(a.p + off));
			a.check(name, 0, off);
			a.check(name, off + len);
			map_file(fd, len, MAP_SHARED, a.p + off, off);
			a.check(`${name} mapped again`);
			must(munmap(a.p, HPAGE), "munmap");

			map_file(fd, HPAGE);
			a.put(2, off, len);
			pmd_mapped(1, name);
			must(madvise(a.p + off, len, MADV_DONTNEED), name);
			pmd_mapped(0, `${name} not needed`);
			a.check(`${name} not needed`);

			pmd_mapped(1, `${name} read again`);
			move(a.p + off, len, ELSEWHERE);
			pmd_mapped(0, `${name} moved`);
			a.check(`${name} left`, 0, off);
			a.check(`${name} left`, off + len);
			const moved = new area(ELSEWHERE, len);
			moved.want.set(a.want.subarray(off, off + len));
			moved.check(`${name} moved`);
			must(munmap(ELSEWHERE, len), "munmap");
			must(munmap(a.p, HPAGE), "munmap");
			map_file(fd, HPAGE);
			a.check(`${name} whole again`);
		}
		a.p = move(a.p, HPAGE, ELSEWHERE);
		pmd_mapped(1, "moved");
		a.put(3, 5, 5);
		a.check("moved");
		check_file(fd, a.want, "file");
		done(fd, a);
	}],
	["fork", function* (): wait {
		shmem_enabled("always");
		const [fd, a] = huge_file();
		const go = new gate();
		const pid = spawn(function* (): wait {
			a.check("child");
			a.put(2, MiB, 5000);
			yield* go.pass();
			a.check("child, punched");
			pmd_mapped(0, "child");
		});
		while (a.want[MiB] !== pattern(2, 1)[0])
			yield* sched_yield();
		a.check("parent");
		pmd_mapped(1, "parent and child");
		must(munmap(a.p, HPAGE), "munmap");
		pmd_mapped(1, "child alone");
		must(fallocate(fd, PUNCH, 100 * PAGE, PAGE), "punch");
		a.was_zeroed(100 * PAGE, PAGE);
		go.open = true;
		yield* reap(pid);
		map_file(fd, HPAGE);
		a.check("parent alone");
		done(fd, a);
	}],
	["private", function* (): wait {
		shmem_enabled("always");
		const fd = memfd(HPAGE);
		write_pattern(fd, 1, 0, HPAGE);
		const p = new area(map_file(fd, HPAGE, MAP_PRIVATE), HPAGE);
		p.was_put(1, 0, HPAGE);
		const file = p.want.slice();
		p.check("read");
		pmd_mapped(1, "read");
		p.put(2, 7 * PAGE + 3, 2 * PAGE);
		pmd_mapped(0, "written");
		equal(above("AnonPages"), 12, "written: AnonPages");
		p.check("written");
		check_file(fd, file, "written");
		yield* child(function* (): wait {
			const c = p.copy();
			c.put(3, 8 * PAGE, PAGE);
			c.put(4, MiB, PAGE);
			c.check("child");
		});
		p.check("parent");
		/* the file goes on without the copies */
		must(fallocate(fd, PUNCH, 8 * PAGE, 4 * PAGE), "punch");
		p.was_zeroed(10 * PAGE, 2 * PAGE);
		file.fill(0, 8 * PAGE, 12 * PAGE);
		p.check("punched");
		check_file(fd, file, "punched");
		must(madvise(p.p, HPAGE, MADV_DONTNEED), "MADV_DONTNEED");
		p.want = file;
		p.check("not needed");
		done(fd, p);
	}],
	["mlock", function* (): wait {
		shmem_enabled("always");
		const [fd, a] = huge_file();
		must(mlock(a.p, HPAGE), "mlock");
		mlocked(HPAGE_NR, "mlock");
		must(munlock(a.p, HPAGE), "munlock");
		mlocked(0, "munlock");
		must(mlock(a.p, HPAGE), "mlock");
		must(fallocate(fd, PUNCH, MiB, MiB), "punch");
		a.was_zeroed(MiB, MiB);
		a.check("punched");
		must(munlock(a.p, HPAGE), "munlock");
		must(munmap(a.p, HPAGE), "munmap");
		mlocked(0, "munmap");
		map_file(fd, HPAGE);
		for (const [name, off, len] of PARTS) {
			must(mlock(a.p + off, len), name);
			a.check(name);
			must(munlock(a.p + off, len), name);
			mlocked(0, name);
		}
		must(mlock(a.p, HPAGE), "mlock");
		must(ftruncate(fd, 0), "ftruncate");
		mlocked(0, "truncated");
		done(fd, a);
	}],
	["no huge page to be had", function* (): wait {
		shmem_enabled("always");
		const fd = memfd(2 * HPAGE);
		const a = new area(map_file(fd, 2 * HPAGE), 2 * HPAGE);
		with_failures(() => {
			a.put(1, 0, 2 * PAGE);
			write_pattern(fd, 2, 5 * PAGE, 10);
			a.was_put(2, 5 * PAGE, 10);
			must(fallocate(fd, 0, 9 * PAGE, PAGE), "fallocate");
		});
		blocks(fd, 4, "small");
		shmem_huge(0, "small");
		a.check("small", 0, HPAGE);
		a.put(3, HPAGE, 2 * PAGE);
		shmem_huge(1, "huge again");
		a.check("huge again");
		done(fd, a);
	}],
	["left to exit", function* (): wait {
		shmem_enabled("always");
		const [fd, a] = huge_file(3);
		must(munmap(a.p + 5 * PAGE, 7 * PAGE), "munmap");
		must(mlock(a.p + HPAGE, HPAGE), "mlock");
		must(fallocate(fd, PUNCH, 2 * HPAGE, MiB), "punch");
		yield* child(function* (): wait {
			user_store8(a.p, 1);
			must(mprotect(a.p + 2 * HPAGE, PAGE, PROT_NONE), "mprotect");
		});
	}],
];

function* random_shmem(seed: number, steps: number): wait {
	const r = new prng(seed);
	const len = 3 * HPAGE;
	const fd = memfd(len);
	const trace: string[] = [];

	shmem_enabled(r.pick(["always", "always", "within_size", "advise", "force"]));
	const a = new area(map_file(fd, len), len);
	must(madvise(a.p, len, MADV_HUGEPAGE), "MADV_HUGEPAGE");
	const odd = ELSEWHERE + PAGE;
	map_file(fd, len, MAP_SHARED, odd);
	const private_ = ELSEWHERE + 16 * HPAGE;
	map_file(fd, len, MAP_PRIVATE, private_);
	a.put(1);
	for (let i = 0; i < steps && complaints.length === 0; i++) {
		const [off, n] = random_part(r, len);
		const p = a.p + off;
		const op = r.below(15);
		trace.push(`${op}: ${off / PAGE}+${n / PAGE}`);
		switch (op) {
		case 0:
			a.put(2 + r.below(8), off + r.below(PAGE), r.below(n - PAGE + 1));
			break;
		case 1: {
			const b = a.copy(odd);
			b.put(2 + r.below(8), off, n);
			a.want = b.want;
			break;
		}
		case 2: {
			const m = Math.min(n, MiB), to = off + r.below(PAGE);
			write_pattern(fd, 10, to, Math.min(m, len - to));
			a.was_put(10, to, Math.min(m, len - to));
			break;
		}
		case 3: {
			const from = off + r.below(PAGE);
			must(fallocate(fd, PUNCH, from, Math.min(n, len - from)), "punch");
			a.was_zeroed(from, Math.min(n, len - from));
			break;
		}
		case 4:
			must(munlock(p, n), "munlock");
			must(madvise(p, n, MADV_REMOVE), "MADV_REMOVE");
			a.was_zeroed(off, n);
			break;
		case 5:
			if (!r.chance(1, 3))
				break;
			must(ftruncate(fd, off + 5), "ftruncate");
			must(ftruncate(fd, len), "ftruncate");
			a.was_zeroed(off + 5);
			break;
		case 6:
			must(fallocate(fd, 0, off, n), "fallocate");
			break;
		case 7:
			must(munlock(p, n), "munlock");
			must(madvise(p, n, MADV_DONTNEED), "MADV_DONTNEED");
			break;
		case 8:
			must(munmap(p, n), "munmap");
			map_file(fd, n, MAP_SHARED, p, off);
			break;
		case 9:
			must(mprotect(p, n, PROT_READ), "mprotect");
			denied("mprotect", () => user_store8(p + r.below(n), 1));
			must(mprotect(p, n, RW), "mprotect");
			break;
		case 10:
			must(mlock(p, n), "mlock");
			if (r.chance(2, 3))
				must(munlock(p, n), "munlock");
			break;
		case 11:
			yield* child(function* (): wait {
				a.check(`child, ${trace.slice(-4).join(", ")}`, off, n);
				user_store8(p, a.want[off] = 0x33);
			});
			break;
		case 12: {
			const b = a.copy(private_);
			must(madvise(private_, len, MADV_DONTNEED), "MADV_DONTNEED");
			b.put(11, off, n);
			b.check(`private, ${trace.slice(-4).join(", ")}`);
			break;
		}
		case 13:
			shrink();
			break;
		case 14: {
			const to = AT + 8 * HPAGE + (r.chance(1, 2) ? off : PAGE * r.below(512));
			if (mremap(p, n, n, MREMAP_MAYMOVE | MREMAP_FIXED, to) < 0)
				break;
			user_store8(to + n - 1, a.want[off + n - 1] = 0x77);
			move(to, n, p);
			break;
		}
		}
		if (i % 5 === 4 || i === steps - 1) {
			const what = `seed ${seed}, step ${i}, ${trace.slice(-5).join(", ")}`;
			if (r.chance(1, 2))
				check_file(fd, a.want, what);
			else
				(r.chance(1, 2) ? a : a.copy(odd)).check(what);
		}
	}
	must(munmap(private_, len), "munmap");
	must(munmap(odd, len), "munmap");
	done(fd, a);
	mlocked(0, "munmap");
}

const random = [1, 2].map((seed): test_case =>
	[`at random, seed ${seed}`, () => random_shmem(seed, 40)]);

export function* main(argc: number, argv: string[]): wait<number> {
	return yield* run_cases([...shmem, ...random], argc, argv);
}
