// SPDX-License-Identifier: GPL-2.0
/*
 * Lives of VMs and vCPUs: their descriptors, their mappings, and what is left of them when
 * something fails.
 *
 * Port-only.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { EBADF, EEXIST, EINVAL, EIO, EMFILE, ENODEV, ENOMEM, ENOTTY } from "#linux/errno.ts";
import { fget, flush_delayed_fput, fput } from "#linux/file.ts";
import { file_is_kvm, kvm_get_vcpu, kvm_get_vcpu_by_id, vm_list, type struct_kvm_vcpu } from
	"#linux/kvm_host.ts";
import { list_empty } from "#linux/list.ts";
import { rcu_barrier } from "#linux/rcupdate.ts";
import { refcount_read } from "#linux/refcount.ts";
import { slab_live_counts } from "#linux/slab.ts";
import { O_RDWR } from "#uapi/linux/fcntl.ts";
import {
	KVM_API_VERSION, KVM_CAP_COALESCED_MMIO, KVM_CAP_DIRTY_LOG_RING, KVM_CAP_ENABLE_CAP_VM,
	KVM_CAP_MULTI_ADDRESS_SPACE, KVM_CAP_NR_MEMSLOTS, KVM_CHECK_EXTENSION, KVM_CREATE_DEVICE,
	KVM_CREATE_VCPU, KVM_CREATE_VM, KVM_GET_API_VERSION, KVM_GET_MP_STATE, KVM_GET_REGS,
	KVM_GET_STATS_FD, KVM_GET_VCPU_MMAP_SIZE, KVM_RUN, KVM_SET_REGS, KVM_SET_SIGNAL_MASK,
	KVM_SMI, struct_kvm_create_device, struct_kvm_run, struct_kvm_signal_mask,
	struct_kvm_stats_desc, struct_kvm_stats_header,
} from "#uapi/linux/kvm.ts";
import { struct_kvm_regs } from "#uapi-asm/kvm.ts";
import { sizeof } from "#asm-generic/struct.ts";
import { peek, poke } from "#tools/include/nolibc/arch.ts";
import { mmap, munmap } from "#tools/include/nolibc/mman.ts";
import { exit, fork, getrlimit, setrlimit, waitpid } from "#tools/include/nolibc/process.ts";
import { close, dup, ioctl, open, pread, read, write_file } from "#tools/include/nolibc/sys.ts";
import { boot_fs, err, in_task } from "#tools/testing/kunit/fs/fs_env.ts";
import { PAGE, create_vm, fail_nth, private_data, reserve, set_region, type vm } from
	"./kvm_env.ts";

const RLIMIT_NOFILE = 7, SIGBUS_STATUS = 7, KVM_DEV_TYPE_VFIO = 4;

boot_fs();

beforeAll(() => {
	in_task(() => {
		for (const what of ["failslab", "fail_page_alloc"])
			write_file(`/sys/kernel/debug/${what}/ignore-gfp-wait`, "N");
	});
});

const create_vcpu = (vm: vm, id: number): number => err(ioctl(vm.fd, KVM_CREATE_VCPU, id));

function live(): string {
	flush_delayed_fput();
	rcu_barrier();
	return JSON.stringify([...slab_live_counts()].sort());
}

/* what a task keeps once it has had a VM: its stack, and that its mm has notifiers */
function warm_up(): void {
	const vm = create_vm();

	close(create_vcpu(vm, 0));
	close(vm.fd);
}

/* fails each allocation of make() in turn, until there are no more; how often it failed */
function fail_each(make: () => number): { failed: number; ret: number } {
	let failed = 0;

	for (let n = 1; ; n++) {
		const before = live();
		let ret = 0;

		const used = fail_nth(n, () => {
			ret = make();
		});
		if (ret >= 0) {
			if (!used)
				return { failed, ret };
			/* it could do without */
			close(ret);
		} else {
			expect([n, ret]).toEqual([n, -ENOMEM]);
			failed++;
		}
		expect([n, live()]).toEqual([n, before]);
	}
}

describe("/dev/kvm", () => {
	it("answers", () => {
		in_task(() => {
			const dev = open("/dev/kvm", O_RDWR);
			const req = (nr: number, arg: number | bigint = 0): number =>
				err(ioctl(dev, nr, arg));

			expect(req(KVM_GET_API_VERSION)).toBe(KVM_API_VERSION);
			expect(req(KVM_GET_API_VERSION, 1)).toBe(-EINVAL);
			expect(req(KVM_GET_VCPU_MMAP_SIZE)).toBe(3 * PAGE);
			expect(req(KVM_GET_VCPU_MMAP_SIZE, 1)).toBe(-EINVAL);
			expect(req(KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS)).toBe(32764);
			expect(req(KVM_CHECK_EXTENSION, KVM_CAP_MULTI_ADDRESS_SPACE)).toBe(2);
			expect(req(KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_MMIO)).toBe(2);
			expect(req(KVM_CHECK_EXTENSION, KVM_CAP_ENABLE_CAP_VM)).toBe(1);
			expect(req(KVM_CHECK_EXTENSION, KVM_CAP_DIRTY_LOG_RING)).toBe(0);
			expect(req(KVM_CHECK_EXTENSION, 2n ** 64n - 1n)).toBe(0);
			expect(req(KVM_CREATE_VM, 1)).toBe(-EINVAL);
			expect(req(KVM_CREATE_VCPU)).toBe(-EINVAL);
			close(dev);
		});
	});

	it("makes a VM or leaves nothing", () => {
		in_task(() => {
			warm_up();
			const dev = open("/dev/kvm", O_RDWR);
			const before = live();

			const { failed, ret } = fail_each(() => err(ioctl(dev, KVM_CREATE_VM)));
			expect(failed).toBeGreaterThan(5);
			close(ret);
			expect(live()).toBe(before);
			expect(list_empty(vm_list)).toBe(true);

			const rl = getrlimit(RLIMIT_NOFILE)!;
			setrlimit(RLIMIT_NOFILE, { ...rl, rlim_cur: 0n });
			expect(err(ioctl(dev, KVM_CREATE_VM))).toBe(-EMFILE);
			setrlimit(RLIMIT_NOFILE, rl);
			expect(live()).toBe(before);
			close(dev);
		});
	});
});

describe("a VM", () => {
	it("lives as long as a descriptor of it, or of its vCPUs", () => {
		in_task(() => {
			warm_up();
			const before = live();
			const vm = create_vm(), { kvm } = vm;
			const file = fget(vm.fd)!;

			expect(file_is_kvm(file)).toBe(true);
			fput(file);
			expect(refcount_read(kvm.users_count)).toBe(1);
			const a = create_vcpu(vm, 0), b = create_vcpu(vm, 5), b2 = dup(b);
			expect(refcount_read(kvm.users_count)).toBe(3);
			close(vm.fd);
			close(a);
			close(b);
			expect(refcount_read(kvm.users_count)).toBe(1);
			expect(list_empty(vm_list)).toBe(false);
			expect(ioctl(b2, KVM_GET_MP_STATE, new Uint8Array(4))).toBe(0);
			close(b2);
			expect(list_empty(vm_list)).toBe(true);
			expect(live()).toBe(before);
		});
	});

	it("has vCPUs with ids of their own", () => {
		in_task(() => {
			const vm = create_vm(), { kvm } = vm;
			const ids = [7, 0, 1023, 3];
			const fds = ids.map((id) => create_vcpu(vm, id));

			expect(fds.every((fd) => fd >= 0)).toBe(true);
			ids.forEach((id, i) => {
				const vcpu = private_data<struct_kvm_vcpu>(fds[i]!);
				expect([vcpu.vcpu_id, vcpu.vcpu_idx])
					.toEqual([id, i]);
				expect(vcpu.kvm).toBe(kvm);
				expect(kvm_get_vcpu(kvm, i)).toBe(vcpu);
				expect(kvm_get_vcpu_by_id(kvm, id)).toBe(vcpu);
			});
			expect(kvm_get_vcpu_by_id(kvm, 2)).toBe(null);
			expect(create_vcpu(vm, 3)).toBe(-EEXIST);
			expect(create_vcpu(vm, 4096)).toBe(-EINVAL);
			expect(create_vcpu(vm, -1)).toBe(-EINVAL);
			expect(kvm.created_vcpus).toBe(4);
			for (const fd of [...fds, vm.fd])
				close(fd);
		});
	});

	it("makes a vCPU or leaves nothing", () => {
		in_task(() => {
			warm_up();
			const vm = create_vm();
			let id = 0;

			/* a vCPU that was made stays: each has another id */
			let failed = 0;
			for (let n = 1, used = true; used; n++) {
				const now = live();
				let ret = 0;

				used = fail_nth(n, () => {
					ret = create_vcpu(vm, id);
				});
				if (ret < 0) {
					expect([n, ret]).toEqual([n, -ENOMEM]);
					expect([n, live()]).toEqual([n, now]);
					failed++;
				} else {
					close(ret);
					id++;
				}
				expect(vm.kvm.created_vcpus).toBe(id);
			}
			expect(failed).toBeGreaterThan(5);
			const rl = getrlimit(RLIMIT_NOFILE)!;
			setrlimit(RLIMIT_NOFILE, { ...rl, rlim_cur: 0n });
			const now = live();
			expect(create_vcpu(vm, id)).toBe(-EMFILE);
			expect(live()).toBe(now);
			setrlimit(RLIMIT_NOFILE, rl);
			expect(kvm_get_vcpu_by_id(vm.kvm, id)).toBe(null);
			expect(create_vcpu(vm, id)).toBeGreaterThanOrEqual(0);
			/* its descriptor goes with the task */
			close(vm.fd);
		});
	});

	it("is of no use to another address space", () => {
		in_task(function* () {
			const vm = create_vm(), vcpu = create_vcpu(vm, 0);

			const pid = fork(function* () {
				yield;
				const ok = err(ioctl(vm.fd, KVM_CHECK_EXTENSION, 0)) === -EIO &&
					err(ioctl(vcpu, KVM_GET_REGS, 0)) === -EIO &&
					err(ioctl(vcpu, KVM_RUN)) === -EIO;
				exit(ok ? 0 : 1);
			});
			expect(yield* waitpid(pid, 0)).toMatchObject({ status: 0 });
			close(vcpu);
			close(vm.fd);
		});
	});

	it("refuses what it does not know", () => {
		in_task(() => {
			const vm = create_vm(), vcpu = create_vcpu(vm, 0);
			const cd = struct_kvm_create_device.alloc();

			cd.type = KVM_DEV_TYPE_VFIO;
			expect(err(ioctl(vm.fd, KVM_CREATE_DEVICE, cd.bytes))).toBe(-ENODEV);
			expect(err(ioctl(vm.fd, 0xae7f))).toBe(-ENOTTY);
			expect(err(ioctl(vcpu, 0x1234))).toBe(-EINVAL);
			expect(err(ioctl(vcpu, KVM_RUN, 1))).toBe(-EINVAL);
			expect(err(ioctl(vcpu, KVM_SMI))).not.toBe(-EBADF);
			close(vcpu);
			close(vm.fd);
		});
	});
});

describe("a vCPU", () => {
	it("maps three pages, the last of which it shares with the others", () => {
		in_task(() => {
			const vm = create_vm(), a = create_vcpu(vm, 0), b = create_vcpu(vm, 1);
			const map = (fd: number): number => Number(mmap(0, 3 * PAGE, 3, 1, fd, 0));
			const at = [map(a), map(b)] as const;

			poke(at[0] + 2 * PAGE, Uint8Array.of(9));
			expect(peek(at[1] + 2 * PAGE, 1)[0]).toBe(9);
			poke(at[0], Uint8Array.of(5));
			expect(peek(at[1], 1)[0]).toBe(0);
			const run = private_data<struct_kvm_vcpu>(a).run;
			expect(run.request_interrupt_window).toBe(5);
			expect(sizeof(struct_kvm_run)).toBeLessThan(PAGE);
			/* the mapping keeps the file, and that the VM */
			close(a);
			close(b);
			close(vm.fd);
			expect(list_empty(vm_list)).toBe(false);
			poke(at[0] + PAGE, Uint8Array.of(1));
			munmap(at[0], 3 * PAGE);
			munmap(at[1], 3 * PAGE);
			expect(list_empty(vm_list)).toBe(true);
		});
	});

	it("has no fourth page", () => {
		const status = in_task(() => {
			const vm = create_vm(), vcpu = create_vcpu(vm, 0);
			const at = Number(mmap(0, 4 * PAGE, 3, 1, vcpu, 0));

			peek(at + 3 * PAGE, 1);
		});
		expect(status & 0x7f).toBe(SIGBUS_STATUS);
	});

	it("keeps registers, and checks where they come from", () => {
		in_task(() => {
			const vm = create_vm(), vcpu = create_vcpu(vm, 0);
			const regs = struct_kvm_regs.alloc(), back = struct_kvm_regs.alloc();

			regs.rax = 0x123456789abcdef0n;
			regs.r15 = 2n ** 64n - 1n;
			regs.rip = 0x1000n;
			regs.rflags = 2n;
			expect(ioctl(vcpu, KVM_SET_REGS, regs.bytes)).toBe(0);
			const buf = reserve(PAGE);
			expect(ioctl(vcpu, KVM_GET_REGS, buf)).toBe(0);
			back.bytes.set(peek(buf, sizeof(struct_kvm_regs)));
			expect(back.bytes).toEqual(regs.bytes);
			expect(err(ioctl(vcpu, KVM_GET_REGS, 1))).toBe(-14);
			expect(err(ioctl(vcpu, KVM_SET_REGS, 1))).toBe(-14);
			close(vcpu);
			close(vm.fd);
			munmap(buf, PAGE);
		});
	});

	it("takes a signal mask of eight bytes", () => {
		in_task(() => {
			const vm = create_vm(), fd = create_vcpu(vm, 0);
			const vcpu = private_data<struct_kvm_vcpu>(fd);
			const mask = struct_kvm_signal_mask.alloc(8);

			mask.len = 4;
			expect(err(ioctl(fd, KVM_SET_SIGNAL_MASK, mask.bytes))).toBe(-EINVAL);
			mask.len = 8;
			mask.bytes.fill(0xff, 4);
			expect(err(ioctl(fd, KVM_SET_SIGNAL_MASK, mask.bytes))).toBe(0);
			expect(vcpu.sigset_active).toBe(1);
			/* all but SIGKILL and SIGSTOP */
			expect(vcpu.sigset.lo).toBe(~(1 << 8 | 1 << 18));
			expect(vcpu.sigset.hi).toBe(-1);
			expect(err(ioctl(fd, KVM_SET_SIGNAL_MASK, 0))).toBe(0);
			expect(vcpu.sigset_active).toBe(0);
			close(fd);
			close(vm.fd);
		});
	});
});

/* header, name and descriptors of a stats fd, read in pieces of @piece bytes */
function read_stats(fd: number, piece: number): { id: string; values: Map<string, bigint[]> } {
	const buf = reserve(16 * PAGE);
	let len = 0;

	for (let n = -1; n !== 0; len += n)
		expect(n = read(fd, buf + len, piece)).toBeGreaterThanOrEqual(0);
	const bytes = peek(buf, len);
	expect(pread(fd, buf, 24, 0)).toBe(24);
	expect(peek(buf, 24)).toEqual(bytes.subarray(0, 24));
	munmap(buf, 16 * PAGE);

	const text = (b: Uint8Array): string => String.fromCharCode(...b.subarray(0, b.indexOf(0)));
	const h = struct_kvm_stats_header.of(bytes);
	const desc_size = 16 + h.name_size;
	const values = new Map<string, bigint[]>();
	for (let i = 0; i < h.num_desc; i++) {
		const at = h.desc_offset + i * desc_size;
		const d = struct_kvm_stats_desc.of(bytes.subarray(at, at + desc_size));
		const dv = new DataView(bytes.buffer, bytes.byteOffset + h.data_offset + d.offset);

		values.set(text(bytes.subarray(at + 16, at + desc_size)),
			Array.from({ length: d.size }, (_, k) => dv.getBigUint64(8 * k, true)));
	}
	return { id: text(bytes.subarray(h.id_offset)), values };
}

describe("statistics", () => {
	it("of a VM and a vCPU, however they are read", () => {
		in_task(() => {
			const vm = create_vm(), vcpu_fd = create_vcpu(vm, 2), hva = reserve(PAGE);
			const vcpu = private_data<struct_kvm_vcpu>(vcpu_fd);

			expect(set_region(vm, { slot: 0, flags: 0, gpa: 0, size: PAGE, hva }))
				.toBe(0);
			vm.kvm.stat.generic.remote_tlb_flush = 77;
			vm.kvm.stat.pages[1] = 5;
			vcpu.stat.generic.halt_wait_hist[31] = 9;
			vcpu.stat.exits = 2 ** 40;
			for (const piece of [4096, 7, 64]) {
				const fd = ioctl(vm.fd, KVM_GET_STATS_FD);
				const s = read_stats(fd, piece);

				expect(s.id).toMatch(/^kvm-\d+$/);
				expect(s.values.get("remote_tlb_flush")).toEqual([77n]);
				expect(s.values.get("pages_4k")).toEqual([0n]);
				expect(s.values.get("pages_2m")).toEqual([5n]);
				expect(s.values.has("nx_lpage_splits")).toBe(true);
				close(fd);

				const vfd = ioctl(vcpu_fd, KVM_GET_STATS_FD);
				const v = read_stats(vfd, piece);
				expect(v.id).toMatch(/^kvm-\d+\/vcpu-2$/);
				expect(v.values.get("halt_wait_hist")!.length).toBe(32);
				expect(v.values.get("halt_wait_hist")![31]).toBe(9n);
				expect(v.values.get("exits")).toEqual([2n ** 40n]);
				expect(v.values.has("halt_poll_success_ns")).toBe(true);
				close(vfd);
			}
			vm.kvm.stat.pages[1] = 0;
			close(vcpu_fd);
			close(vm.fd);
			munmap(hva, PAGE);
		});
	});
});
