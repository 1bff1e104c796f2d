// SPDX-License-Identifier: GPL-2.0
/*
 * Names: of open files, and of pseudo files.
 */
import { describe, expect, it } from "vitest";
import { EACCES, EBADF, EFAULT, EINVAL, EEXIST, EIO, EISDIR, ELOOP, ENAMETOOLONG, ENODEV, ENOENT,
	ENOMEM, ENOTDIR, ENXIO, EPERM } from "#linux/errno.ts";
import { MNT_NOEXEC } from "#linux/fs.const.ts";
import { mount_of } from "#linux/fs/namespace.ts";
import { privmem_state_section, proc_create_single, proc_remove } from "#linux/proc_fs.ts";
import { seq_printf } from "#linux/seq_file.ts";
import { abort_creds, commit_creds, kernel_cap_t, prepare_creds } from "#linux/cred.ts";
import { CAP_SETUID, cap_raised, capable } from "#linux/capability.ts";
import { rcu_barrier } from "#linux/rcupdate.ts";
import { current } from "#linux/sched.ts";
import { AT_EMPTY_PATH, F_GETFL, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_PATH, O_RDONLY,
	O_RDWR, O_TMPFILE, O_TRUNC, O_WRONLY } from "#uapi/linux/fcntl.ts";
import { PROC_SUPER_MAGIC, TMPFS_MAGIC } from "#uapi/linux/magic.ts";
import { MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, PROT_EXEC, PROT_READ, PROT_WRITE } from
	"#uapi/linux/mman.ts";
import { S_IFCHR, S_IFIFO, S_IFMT, S_IFREG } from "#uapi/linux/stat.ts";
import { struct_statfs } from "#uapi/asm-generic/statfs.ts";
import { struct_stat } from "#uapi-asm/stat.ts";
import { __NR_setresuid } from "#uapi-asm/unistd_64.ts";
import { peek, poke, syscall } from "#tools/include/nolibc/arch.ts";
import { mmap, mprotect, munmap } from "#tools/include/nolibc/mman.ts";
import { alloca, with_string } from "#tools/include/nolibc/stack.ts";
import { close, dup, eventfd, fcntl, fstat, lseek, memfd_create, open, pipe, read_bytes, read_file,
	readlink, write_bytes, write_file } from "#tools/include/nolibc/sys.ts";
import { boot_fs, err, in_task } from "./fs_env.ts";

boot_fs();

const link = (fd: number): string | null => readlink(`/proc/self/fd/${fd}`);
const text = (s: string): Uint8Array => new TextEncoder().encode(s);

describe("names of open files", () => {
	it("by kind", () => {
		in_task(() => {
			const [r, w] = pipe()!;

			expect(link(memfd_create("a/b", 0))).toBe("/memfd:a/b (deleted)");
			expect(link(eventfd(0, 0))).toBe("anon_inode:[eventfd]");
			expect(link(r)).toBe(`pipe:[${fstat(r)!.st_ino}]`);
			expect(link(r)).toBe(link(w));
			expect(link(open("/proc/meminfo", O_RDONLY))).toBe("/proc/meminfo");
			const t = open("/tmp", O_TMPFILE | O_RDWR, 0o600);
			expect(link(t)).toBe(`/tmp/#${fstat(t)!.st_ino} (deleted)`);
			expect(link(open("/dev/shm", O_RDONLY | O_DIRECTORY))).toBe("/dev/shm");
		});
	});

	it("are cut, not terminated", () => {
		in_task(() => {
			const fd = memfd_create("abcdef", 0);
			const buf = alloca(64);
			const call = (len: number): number => with_string(`/proc/self/fd/${fd}`,
				(p) => syscall(89, p, buf, len));

			expect(call(0)).toBe(-EINVAL);
			poke(buf, text("!!!!!!"));
			expect(call(4)).toBe(4);
			expect(new TextDecoder().decode(peek(buf, 5))).toBe("/mem!");
			expect(with_string("/proc/self/fd/99", (p) => syscall(89, p, buf, 9))).toBe(-ENOENT);
			expect(with_string("/proc/meminfo", (p) => syscall(89, p, buf, 9))).toBe(-EINVAL);
		});
	});
});

it("files of /proc know mmap(), and refuse", () => {
	const map = (path: string): number => err(mmap(0, 4096, PROT_READ, MAP_PRIVATE,
		open(path, O_RDONLY), 0));

	in_task(() => {
		expect(map("/proc/meminfo")).toBe(-EIO);
		expect(map("/proc/self/maps")).toBe(-ENODEV);
		expect(map("/proc/sys/vm/overcommit_memory")).toBe(-ENODEV);
	});
});

describe("opening again", () => {
	it("makes a new open file of the same inode", () => {
		in_task(() => {
			const fd = memfd_create("m", 0);
			const path = `/proc/self/fd/${fd}`;

			write_bytes(fd, text("hello"));
			const r = open(path, O_RDONLY);
			expect(new TextDecoder().decode(read_bytes(r, 9)!)).toBe("hello");
			expect(err(write_bytes(r, text("x")))).toBe(-EBADF);
			expect(fstat(r)!.st_ino).toBe(fstat(fd)!.st_ino);
			open(path, O_WRONLY | O_TRUNC);
			expect(fstat(fd)!.st_size).toBe(0n);
			expect(err(open(path, O_RDONLY | O_DIRECTORY))).toBe(-ENOTDIR);
			expect(err(open(`/proc/self/fd/${eventfd(0, 0)}`, O_RDONLY))).toBe(-ENXIO);
			expect(open(`/proc/${current.tgid}/fd/${fd}`, O_RDONLY)).toBeGreaterThan(0);
			expect(open(`/dev/fd/${fd}`, O_RDONLY)).toBeGreaterThan(0);
		});
	});

	it("of a pipe: another reader or writer", () => {
		in_task(() => {
			const [r, w] = pipe()!;
			const w2 = open(`/proc/self/fd/${r}`, O_WRONLY);

			write_bytes(w2, text("x"));
			close(w);
			expect(read_bytes(r, 9)!.length).toBe(1);
			close(w2);
			expect(read_bytes(r, 9)!.length).toBe(0);
		});
	});

	it("checks permissions of those who need them", () => {
		in_task(() => {
			const t = open("/tmp", O_TMPFILE | O_RDWR, 0o400);
			const cred = current.cred!;
			const eff = cred.cap_effective;

			expect(open(`/proc/self/fd/${t}`, O_RDWR)).toBeGreaterThan(0);
			cred.cap_effective = new kernel_cap_t();
			expect(err(open(`/proc/self/fd/${t}`, O_RDWR))).toBe(-EACCES);
			expect(open(`/proc/self/fd/${t}`, O_RDONLY)).toBeGreaterThan(0);
			cred.cap_effective = eff;
		});
	});

	it("keeps what one task may do apart from what others may", () => {
		in_task(() => {
			/* of recycled memory, as after some tasks have come and gone */
			[prepare_creds()!, prepare_creds()!].forEach(abort_creds);
			rcu_barrier();
			const mine = prepare_creds()!, others = prepare_creds()!;

			commit_creds(mine);
			expect(syscall(__NR_setresuid, 1000, 1000, 1000)).toBe(0);
			expect(capable(CAP_SETUID)).toBe(false);
			expect(cap_raised(others.cap_effective, CAP_SETUID)).toBe(true);
			commit_creds(others);
			expect(capable(CAP_SETUID)).toBe(true);
		});
	});

	it("O_PATH", () => {
		in_task(() => {
			const fd = memfd_create("m", 0);
			const p = open(`/proc/self/fd/${fd}`, O_PATH);

			expect(fcntl(p, F_GETFL) & O_PATH).toBe(O_PATH);
			expect(read_bytes(p, 1)).toBe(null);
			expect(fstat(p)!.st_mode & S_IFMT).toBe(S_IFREG);
			expect(dup(p)).toBeGreaterThan(p);
			expect(open(`/proc/self/fd/${p}`, O_RDWR)).toBeGreaterThan(0);
		});
	});
});

describe("looking up", () => {
	it("errors", () => {
		in_task(() => {
			expect(err(open("/nothing", O_RDONLY))).toBe(-ENOENT);
			expect(err(open("", O_RDONLY))).toBe(-ENOENT);
			expect(err(open("/proc/meminfo/x", O_RDONLY))).toBe(-ENOTDIR);
			expect(err(open("/proc/999999/maps", O_RDONLY))).toBe(-ENOENT);
			expect(err(open(`/${"x".repeat(5000)}`, O_RDONLY))).toBe(-ENAMETOOLONG);
			expect(syscall(257, -100, 0x1000, 0, 0)).toBe(-EFAULT);
			expect(err(open("/tmp", O_RDWR))).toBe(-EISDIR);
			expect(err(open("/proc", O_TMPFILE | O_RDWR, 0o600))).toBe(-95);
			expect(err(open("/proc/self/exe", O_RDONLY | O_NOFOLLOW))).toBe(-ELOOP);
			const self = `/proc/self/fd/${memfd_create("m", 0)}`;
			expect(err(open(self, O_RDONLY | O_NOFOLLOW))).toBe(-ELOOP);
			expect(err(open(self, O_RDWR | O_CREAT | O_EXCL))).toBe(-EEXIST);
			expect(err(open("/proc/self/fd/99", O_RDONLY | O_NOFOLLOW))).toBe(-ENOENT);
		});
	});

	it("stat() by path, by descriptor, by descriptor and name", () => {
		in_task(() => {
			const buf = alloca(struct_stat.size);
			const st = (): ReturnType<typeof struct_stat.of> =>
				struct_stat.of(peek(buf, struct_stat.size));

			expect(with_string("/dev/null", (p) => syscall(4, p, buf))).toBe(0);
			expect([st().st_mode & S_IFMT, st().st_rdev]).toEqual([S_IFCHR, 0x103n]);
			const [r] = pipe()!;
			expect(with_string("", (p) => syscall(262, r, p, buf, AT_EMPTY_PATH))).toBe(0);
			expect(st().st_mode & S_IFMT).toBe(S_IFIFO);
			expect(with_string("", (p) => syscall(262, r, p, buf, 0))).toBe(-ENOENT);
			expect(with_string("x", (p) => syscall(262, r, p, buf, 0))).toBe(-ENOTDIR);
			const dir = open("/proc", O_RDONLY | O_DIRECTORY);
			expect(with_string("meminfo", (p) => syscall(262, dir, p, buf, 0))).toBe(0);
			expect(with_string("/sys/kernel/debug/privmem", (p) => syscall(4, p, buf))).toBe(0);
		});
	});

	it("fstatfs() tells what it is", () => {
		in_task(() => {
			const buf = alloca(struct_statfs.size);
			const type = (fd: number): bigint => {
				expect(syscall(138, fd, buf)).toBe(0);
				return struct_statfs.of(peek(buf, struct_statfs.size)).f_type;
			};

			expect(type(memfd_create("m", 0))).toBe(BigInt(TMPFS_MAGIC));
			expect(type(open("/proc/meminfo", O_RDONLY))).toBe(BigInt(PROC_SUPER_MAGIC));
			expect(type(pipe()![0])).toBe(0x50495045n);
		});
	});
});

describe("pseudo files", () => {
	it("show and store", () => {
		let value = "0";
		const entry = proc_create_single("/proc/sys/test/value", 0o644,
			(m) => {
				seq_printf(m, "value %s\n", value);
				return 0;
			},
			(s) => {
				if (s === "bad\n")
					return -EINVAL;
				value = s.trim();
				return 0;
			});

		in_task(() => {
			expect(write_file("/proc/sys/test/value", "12\n")).toBeGreaterThanOrEqual(0);
			expect(read_file("/proc/sys/test/value")).toBe("value 12\n");
			const fd = open("/proc/sys/test/value", O_RDWR);
			expect(read_bytes(fd, 3)!.length).toBe(3);
			expect(new TextDecoder().decode(read_bytes(fd, 99)!)).toBe("ue 12\n");
			expect(read_bytes(fd, 99)!.length).toBe(0);
			expect(err(write_bytes(fd, text("bad\n")))).toBe(-EINVAL);
			value = "13";
			expect(lseek(fd, 0, 0)).toBe(0n);
			expect(new TextDecoder().decode(read_bytes(fd, 99)!)).toBe("value 13\n");
		});
		proc_remove(entry);
	});

	it("meminfo, maps, status, state", () => {
		privmem_state_section("test", () => ["one 1"]);
		in_task(() => {
			expect(read_file("/proc/meminfo")).toMatch(/^MemTotal: +\d+ kB\nMemFree: +\d+ kB\n/);
			memfd_create("x", 0);
			expect(read_file("/proc/self/maps")).toMatch(/^[0-9a-f]{8,}-[0-9a-f]{8,} rw-p 0{8} /m);
			const status = read_file("/proc/self/status")!;
			expect(status).toMatch(/^Name:\tkunit\n/);
			expect(status).toMatch(/^VmRSS:\t +\d+ kB$/m);
			expect(status).toMatch(/^CapEff:\t[0-9a-f]{16}$/m);
			expect(read_file("/sys/kernel/debug/privmem/state")).toMatch(/\[test\]\none 1\n/);
			expect(read_file("/sys/devices/system/cpu/online")).toBe("0-1\n");
		});
	});

	it("devices", () => {
		in_task(() => {
			const zero = open("/dev/zero", O_RDWR), null_ = open("/dev/null", O_RDWR);

			expect([...read_bytes(zero, 4)!]).toEqual([0, 0, 0, 0]);
			expect(read_bytes(null_, 4)!.length).toBe(0);
			expect(write_bytes(null_, text("abc"))).toBe(3);
			expect(write_bytes(zero, text("abc"))).toBe(3);
		});
	});

	it("sysctls have bounds", () => {
		in_task(() => {
			const n = read_file("/proc/sys/fs/nr_open");

			expect(n).toBe("1048576\n");
			expect(read_file("/proc/sys/fs/file-nr")).toMatch(/^\d+\t0\t\d+\n$/);
			const fd = open("/proc/sys/fs/nr_open", O_RDWR);
			expect(err(write_bytes(fd, text("x")))).toBe(-EINVAL);
			write_bytes(fd, text("10\n"));
			expect(read_file("/proc/sys/fs/nr_open")).toBe(n);
			expect(err(write_bytes(open("/proc/sys/vm/overcommit_memory", O_WRONLY), text("3"))))
				.toBe(-EINVAL);
			expect(open("/proc/sys/vm/drop_caches", O_WRONLY)).toBeGreaterThan(0);
			expect(write_file("/proc/sys/vm/drop_caches", "1")).toBeGreaterThanOrEqual(0);
		});
	});

	it("sysctls of vm take effect", () => {
		const vm = (name: string, value: number): string => {
			const path = `/proc/sys/vm/${name}`, old = read_file(path)!;

			expect(write_file(path, `${value}\n`)).toBe(0);
			expect(read_file(path)).toBe(`${value}\n`);
			return old;
		};
		const huge = 2 ** 44;
		const map = (len: number): number =>
			mmap(0, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		in_task(() => {
			expect(read_file("/proc/sys/vm/overcommit_memory")).toBe("0\n");
			expect(err(map(huge))).toBe(-ENOMEM);
			vm("overcommit_memory", 1);
			const at = map(huge);
			expect(at).toBeGreaterThan(0);
			expect(munmap(at, huge)).toBe(0);
			vm("overcommit_memory", 0);

			vm("overcommit_kbytes", 4096);
			expect(read_file("/proc/sys/vm/overcommit_ratio")).toBe("0\n");
			vm("overcommit_ratio", 50);
			expect(read_file("/proc/sys/vm/overcommit_kbytes")).toBe("0\n");

			const count = vm("max_map_count", 0);
			expect(err(map(4096))).toBe(-ENOMEM);
			vm("max_map_count", Number(count));

			const free = vm("min_free_kbytes", 8192);
			vm("min_free_kbytes", Number(free));
		});
	});
});

describe("mappings of what may not be executed", () => {
	const READ = PROT_READ, EXEC = PROT_READ | PROT_EXEC;

	it("neither are nor become executable", () => {
		in_task(() => {
			const t = open("/tmp", O_TMPFILE | O_RDWR, 0o600), mnt = mount_of("/tmp")!;

			for (const share of [MAP_SHARED, MAP_PRIVATE]) {
				const x = mmap(0, 4096, EXEC, share, t, 0);
				expect(x).toBeGreaterThan(0);
				expect(mprotect(x, 4096, READ)).toBe(0);
				expect(mprotect(x, 4096, EXEC)).toBe(0);
				munmap(x, 4096);

				mnt.mnt_flags |= MNT_NOEXEC;
				expect(err(mmap(0, 4096, EXEC, share, t, 0))).toBe(-EPERM);
				const r = mmap(0, 4096, READ, share, t, 0);
				expect(r).toBeGreaterThan(0);
				expect(err(mprotect(r, 4096, EXEC))).toBe(-EACCES);
				munmap(r, 4096);
				mnt.mnt_flags &= ~MNT_NOEXEC;
			}
			close(t);
		});
	});
	it("are those of files in /proc and /sys, and not of memfds", () => {
		in_task(() => {
			for (const name of ["/proc/meminfo",
				"/sys/kernel/mm/transparent_hugepage/enabled"]) {
				const fd = open(name, O_RDONLY);
				expect(err(mmap(0, 4096, EXEC, MAP_SHARED, fd, 0))).toBe(-EPERM);
			}
			const m = memfd_create("m", 0);
			expect(mmap(0, 4096, EXEC, MAP_SHARED, m, 0)).toBeGreaterThan(0);
		});
	});
});
