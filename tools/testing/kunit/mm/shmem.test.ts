// SPDX-License-Identifier: GPL-2.0
/*
 * tmpfs against a naive model: random writes, fallocates, punches, truncates, seeks and touches
 * through a mapping, and every allocation of each of them failed in turn.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { prng, seeds } from "#tools/testing/kunit/lib/prng.ts";
import { PAGE, shmem_model } from "#tools/testing/kunit/mm/shmem_model.ts";
import { EBUSY, EINVAL, ENOMEM, ENOSPC, EPERM, boot_shmem, file_under_test, in_use,
	mount_under_test, shmem_enabled, with_failing_allocation } from
	"#tools/testing/kunit/mm/shmem_env.ts";

const NR_PAGES = 48;
const HPAGE = 512;

let before: ReturnType<typeof in_use>;

beforeAll(() => {
	boot_shmem();
	/* what the first file of all leaves behind: page tables, caches */
	const f = file_under_test.create();
	f.write(0, Uint8Array.of(1));
	f.touch(0, null);
	f.release();
	before = in_use();
});

/** What the file shows must be what the model says. */
function check(f: file_under_test, m: shmem_model, what: string): void {
	expect(f.size(), what).toBe(m.size);
	expect(f.blocks(), what).toBe(m.blocks());
	expect(f.nrpages(), what).toBe(m.blocks() / 8);
}

function check_contents(f: file_under_test, m: shmem_model, what: string): void {
	const all = NR_PAGES * PAGE;
	expect(Buffer.compare(f.read(0, all), m.read(0, all)), what).toBe(0);
}

interface op {
	name: string;
	/** 0 or -errno; a write may be short and says how much it wrote */
	run: (f: file_under_test) => number;
	apply: (m: shmem_model, ret: number) => void;
	/** of a fallocate */
	first_page?: number;
}

function random_bytes(r: prng, len: number): Uint8Array {
	return Uint8Array.from({ length: len }, () => 1 + r.below(255));
}

function range(r: prng, nr_pages: number): [number, number] {
	const off = r.chance(1, 2) ? r.below(nr_pages) * PAGE : r.below(nr_pages * PAGE);
	const max = nr_pages * PAGE - off;
	const len = r.chance(1, 2) ? Math.min(max, PAGE * (1 + r.below(20))) : 1 + r.below(max);
	return [off, Math.max(1, len)];
}

/** A random operation that the file in the state of @m allows. */
function random_op(r: prng, m: shmem_model): op {
	const [off, len] = range(r, m.pages.length);

	switch (r.below(7)) {
	case 0: {
		const data = random_bytes(r, Math.min(len, 3 * PAGE));
		return {
			name: `write(${off}, ${data.length})`,
			run: (f) => f.write(off, data),
			apply: (m, ret) => m.write(off, data.subarray(0, ret)),
		};
	}
	case 1:
	case 2: {
		const keep_size = r.chance(1, 2);
		return {
			name: `fallocate(${off}, ${len}, ${keep_size})`,
			run: (f) => f.fallocate(off, len, keep_size),
			apply: (m) => m.fallocate(off, len, keep_size),
			first_page: Math.floor(off / PAGE),
		};
	}
	case 3:
		return {
			name: `punch(${off}, ${len})`,
			run: (f) => f.punch(off, len),
			apply: (m) => m.punch(off, len),
		};
	case 4: {
		const size = r.chance(1, 4) ? m.size : off;
		return {
			name: `truncate(${size})`,
			run: (f) => f.truncate(size),
			apply: (m) => m.truncate(size),
		};
	}
	case 5: {
		const pages = Math.ceil(m.size / PAGE);
		if (pages === 0)
			return random_op(r, m);
		const pos = r.below(pages) * PAGE + r.below(PAGE - 64);
		const data = r.chance(1, 2) ? random_bytes(r, 1 + r.below(64)) : null;
		return {
			name: `touch(${pos}, ${data ? data.length : "read"})`,
			run: (f) => f.touch(pos, data),
			apply: (m) => m.touch(pos, data),
		};
	}
	default: {
		const data = r.chance(1, 2);
		const want = m.seek(off, data);
		return {
			name: `seek(${off}, ${data ? "SEEK_DATA" : "SEEK_HOLE"})`,
			run: (f) => f.seek(off, data) === want ? 0 : 1,
			apply: () => undefined,
		};
	}
	}
}

describe("random operations", () => {
	test.each(seeds(12))("seed %i", (seed) => {
		const r = new prng(seed);
		const f = file_under_test.create();
		const m = new shmem_model(NR_PAGES);

		for (let i = 0; i < 300; i++) {
			const op = random_op(r, m);
			const what = `seed ${seed}, step ${i}: ${op.name}`;

			const ret = op.run(f);
			if (op.name.startsWith("write"))
				expect(ret, what).toBeGreaterThan(0);
			else
				expect(ret, what).toBe(0);
			op.apply(m, ret);
			check(f, m, what);
			if (i % 16 === 0)
				check_contents(f, m, what);
		}
		check_contents(f, m, `seed ${seed}, end`);
		f.release();
	});
});

/*
 * An operation that fails for want of memory leaves size, blocks and contents as they were. (A
 * write may be short instead; for fallocate see sync_pages().)
 */
describe("failing allocations", () => {
	test.each(seeds(6))("seed %i", (seed) => {
		const r = new prng(seed + 1000);
		const f = file_under_test.create();
		const m = new shmem_model(NR_PAGES);

		for (let i = 0; i < 60; i++) {
			const op = random_op(r, m);

			for (let nth = 1; ; nth++) {
				const what = `seed ${seed}, step ${i}: ${op.name}, failing ${nth}`;
				const { ret, fired } = with_failing_allocation(nth,
					() => op.run(f));

				if (!fired || ret >= 0 && !op.name.startsWith("fallocate")) {
					if (op.name.startsWith("write"))
						expect(ret, what).toBeGreaterThan(0);
					else
						expect(ret, what).toBe(0);
					op.apply(m, ret);
					check(f, m, what);
					break;
				}
				if (ret < 0) {
					expect(ret, what).toBe(-ENOMEM);
					const lost = f.sync_pages(m);
					const first = op.first_page ?? NR_PAGES;
					const later = lost.filter((p) => p !== first);
					expect(later.length, what).toBeLessThan(2);
					expect(later.every((p) => p > first), what).toBe(true);
					check(f, m, what);
					check_contents(f, m, what);
				} else {
					op.apply(m, ret);
					check(f, m, what);
					break;
				}
			}
		}
		f.release();
	});
});

/*
 * With huge pages, what is allocated depends on what was asked for first; so contents and size are
 * held against the model, and blocks against the page cache.
 */
describe("huge pages", () => {
	const NR = 3 * HPAGE;

	function check_huge(f: file_under_test, m: shmem_model, what: string): void {
		expect(f.size(), what).toBe(m.size);
		expect(f.blocks(), what).toBe(f.nrpages() * 8);
		expect(f.nrpages(), what).toBe(f.count_pages(NR));
		expect(Buffer.compare(f.read(0, NR * PAGE), m.read(0, NR * PAGE)), what).toBe(0);
	}

	afterEach(() => shmem_enabled("never"));

	test.each(["always", "within_size", "advise", "force", "deny", "never"])("%s", (policy) => {
		shmem_enabled(policy);
		let huge = 0;
		for (const seed of seeds(2)) {
			const r = new prng(seed + 2000);
			const f = file_under_test.create(NR);
			const m = new shmem_model(NR);

			if (policy === "advise")
				f.advise_huge();
			for (let i = 0; i < 60; i++) {
				const op = random_op(r, m);
				const what = `${policy}, seed ${seed}, step ${i}: ${op.name}`;

				if (op.name.startsWith("seek"))
					continue;
				const ret = op.run(f);
				expect(ret >= 0, `${what}: ${ret}`).toBe(true);
				op.apply(m, ret);
				if (i % 4 === 3)
					check_huge(f, m, what);
				for (let p = 0; p < NR; p += HPAGE)
					huge += Number(f.page_state(p).order === 9);
			}
			f.release();
		}
		if (policy === "deny" || policy === "never")
			expect(huge).toBe(0);
		else
			expect(huge).toBeGreaterThan(0);
	});

	test("what of a huge page lies beyond the end is given back when space is short", () => {
		shmem_enabled("always");
		const f = file_under_test.create(NR);
		expect(f.truncate(PAGE + 1)).toBe(0);
		expect(f.touch(0, Uint8Array.of(5))).toBe(0);
		expect(f.page_state(0)).toEqual({ state: "data", order: 9 });
		expect(f.blocks()).toBe(HPAGE * 8);
		expect(f.shrink_unused()).toBe(1);
		expect(f.page_state(0)).toEqual({ state: "data", order: 0 });
		expect(f.blocks()).toBe(2 * 8);
		expect(f.read(0, 1)).toEqual(Uint8Array.of(5));
		f.release();
	});

	test("fallocated pages beyond the end survive a split", () => {
		shmem_enabled("always");
		const f = file_under_test.create(NR);
		expect(f.write(0, Uint8Array.of(5))).toBe(1);
		expect(f.fallocate(0, 8 * PAGE, true)).toBe(0);
		expect(f.blocks()).toBe(HPAGE * 8);
		expect(f.punch(2 * PAGE, PAGE)).toBe(0);
		expect(f.blocks()).toBe(7 * 8);
		f.release();
	});
});

describe("mount options", () => {
	test("a limit on blocks is kept, and seen by statfs", () => {
		const m = mount_under_test.mount("size=16k,nr_inodes=3") as mount_under_test;
		const f = m.create() as file_under_test;

		expect(m.statfs()).toEqual({ blocks: 4, bfree: 4, files: 3, ffree: 1 });
		expect(f.fallocate(0, 4 * PAGE, false)).toBe(0);
		expect(m.statfs().bfree).toBe(0);
		expect(f.write(4 * PAGE, Uint8Array.of(1))).toBe(-ENOSPC);
		expect(f.fallocate(0, 5 * PAGE, false)).toBe(-ENOSPC);
		expect(f.blocks()).toBe(4 * 8);
		expect(f.punch(0, 2 * PAGE)).toBe(0);
		expect(f.write(4 * PAGE, Uint8Array.of(1))).toBe(1);
		expect(m.options()).toBe(",size=16k,nr_inodes=3");

		const g = m.create() as file_under_test;
		expect(m.create()).toBe(-ENOSPC);	/* the root is an inode too */
		g.release();
		f.release();
		expect(m.statfs()).toEqual({ blocks: 4, bfree: 4, files: 3, ffree: 2 });
		m.umount();
	});

	test("huge pages by mount", () => {
		const m = mount_under_test.mount("huge=always,size=4m") as mount_under_test;
		const f = m.create() as file_under_test;

		expect(f.write(0, Uint8Array.of(1))).toBe(1);
		expect(f.page_state(0).order).toBe(9);
		expect(m.options()).toContain(",huge=always");
		f.release();
		m.umount();
	});

	test.each(["size=16q", "nr_blocks=x", "huge=maybe", "mpol=bind", "what=1"])("%s", (options) => {
		expect(mount_under_test.mount(options)).toBe(-EINVAL);
	});
});

describe("edges", () => {
	test("a fallocate that fails takes back what it added, and only that", () => {
		const f = file_under_test.create();

		expect(f.fallocate(4 * PAGE, 2 * PAGE, true)).toBe(0);
		expect(f.write(10 * PAGE, Uint8Array.of(1))).toBe(1);
		expect(f.blocks()).toBe(3 * 8);
		for (let nth = 1; nth < 200; nth++) {
			const { ret, fired } = with_failing_allocation(nth,
				() => f.fallocate(0, 20 * PAGE, true));
			if (!fired)
				break;
			if (ret === 0)
				continue;
			expect(ret).toBe(-ENOMEM);
			/* v6.0 takes the last page that it came by along, older or not */
			expect([2, 3].includes(f.blocks() / 8)).toBe(true);
			expect(f.size()).toBe(10 * PAGE + 1);
			expect(f.fallocate(4 * PAGE, 2 * PAGE, true)).toBe(0);
			expect(f.write(10 * PAGE, Uint8Array.of(1))).toBe(1);
			expect(f.blocks()).toBe(3 * 8);
		}
		expect(f.blocks()).toBe(20 * 8);
		f.release();
	});

	test("seals", () => {
		const f = file_under_test.create(0);
		expect(f.truncate(2 * PAGE)).toBe(0);
		f.unseal();
		expect(f.add_seals(2 | 4)).toBe(0);	/* shrink, grow */
		expect(f.truncate(PAGE)).toBe(-EPERM);
		expect(f.truncate(3 * PAGE)).toBe(-EPERM);
		expect(f.truncate(2 * PAGE)).toBe(0);
		expect(f.fallocate(0, 3 * PAGE, true)).toBe(-EPERM);
		expect(f.write(2 * PAGE - 1, Uint8Array.of(1, 2))).toBe(1);
		expect(f.add_seals(8)).toBe(0);		/* write */
		expect(f.write(0, Uint8Array.of(1))).toBe(-EPERM);
		expect(f.punch(0, PAGE)).toBe(-EPERM);
		f.release();
	});

	test("a page that somebody holds keeps F_SEAL_WRITE out", () => {
		const f = file_under_test.create(0);
		expect(f.write(0, Uint8Array.of(1))).toBe(1);
		f.unseal();
		const put = f.hold_page(0);
		expect(f.add_seals(8)).toBe(-EBUSY);
		expect(f.seals()).toBe(0);
		put();
		expect(f.add_seals(8)).toBe(0);
		f.release();
	});

	test("offsets at the end of the address space", () => {
		const f = file_under_test.create(0);
		const far = 2 ** 40 * PAGE;

		expect(f.truncate(far)).toBe(0);
		expect(f.write(far - PAGE, Uint8Array.of(7))).toBe(1);
		expect(f.blocks()).toBe(8);
		expect(f.seek(0, true)).toBe(far - PAGE);
		expect(f.seek(far - PAGE, false)).toBe(far);
		expect(f.punch(PAGE, far - PAGE)).toBe(0);
		expect(f.blocks()).toBe(0);
		f.release();
	});
});

afterAll(() => {
	expect(in_use()).toEqual(before);
});
