// SPDX-License-Identifier: GPL-2.0
/*
 * What the host saw of a VM: exits by reason, pages by state, conversions, KVM's own counters.
 *
 * Port-only.
 */
import { sizeof } from "#asm-generic/struct.ts";
import { KVM_GET_STATS_FD, struct_kvm_stats_desc, struct_kvm_stats_header } from
	"#uapi/linux/kvm.ts";
import { close, pread, peek, alloca, release } from "#tools/include/nolibc/nolibc.ts";
import { kvm_ioctl } from "#tools/qemu/accel/kvm/kvm-all.ts";
import { ram_block_private_pages, ram_block_shared_pages } from "./physmem.ts";
import type { qemu_vm } from "./vm.ts";

function read_at(fd: number, at: number, length: number): Uint8Array {
	const p = alloca(length);
	const n = pread(fd, p, length, at);
	const bytes = n < 0 ? new Uint8Array(length) : peek(p, length);

	release(p);
	return bytes;
}

/** Counters of a VM or vCPU, by name: what KVM_GET_STATS_FD gives. */
export function kvm_stats(of: number): Map<string, bigint> {
	const fd = kvm_ioctl(of, KVM_GET_STATS_FD);
	const out = new Map<string, bigint>();

	if (fd < 0)
		return out;
	const header = struct_kvm_stats_header.alloc();
	header.bytes.set(read_at(fd, 0, sizeof(struct_kvm_stats_header)));
	const one = sizeof(struct_kvm_stats_desc) + header.name_size;
	const descs = read_at(fd, header.desc_offset, one * header.num_desc);
	for (let i = 0; i < header.num_desc; i++) {
		const desc = struct_kvm_stats_desc.alloc();
		const raw = descs.subarray(i * one, (i + 1) * one);
		desc.bytes.set(raw.subarray(0, desc.bytes.length));
		const text = new TextDecoder().decode(raw.subarray(sizeof(struct_kvm_stats_desc)));
		const value = read_at(fd, header.data_offset + desc.offset, 8);
		if (desc.size === 1)
			out.set(text.split("\0")[0]!, new DataView(value.buffer).getBigUint64(0, true));
	}
	close(fd);
	return out;
}

/* counters worth showing */
const VCPU_STATS = ["exits", "io_exits", "mmio_exits", "halt_exits", "hypercalls", "pf_taken",
	"pf_fixed", "irq_injections", "signal_exits"];

const mib = (bytes: number): string => bytes % 2 ** 20 === 0 ? `${bytes / 2 ** 20} MiB` :
	`${bytes / 1024} KiB`;
const pages = (n: number): string => n < 0 ? "unknown" : `${n} pages`;

function exits_line(vm: qemu_vm): string {
	const list = [...vm.counts.exits].sort(([a], [b]) => a < b ? -1 : 1);

	return `  exits:       ${list.map(([name, n]) => `${name} ${n}`).join(", ") || "none"}\n`;
}

function kvm_line(vm: qemu_vm): string {
	const total = new Map<string, bigint>();

	for (const cpu of vm.cpus)
		for (const [name, n] of kvm_stats(cpu.fd))
			total.set(name, (total.get(name) ?? 0n) + n);
	const shown = VCPU_STATS.filter((name) => (total.get(name) ?? 0n) !== 0n);
	return `  kvm:         ${shown.map((name) => `${name} ${total.get(name)}`).join(", ")}\n`;
}

function memory_lines(vm: qemu_vm): string {
	return vm.blocks.map((rb) => {
		const private_ = rb.private_fd < 0 ? "" : `, private ${pages(ram_block_private_pages(rb))}`;
		return `  ${`${rb.idstr}:`.padEnd(13)}${mib(rb.length)}, shared ` +
			`${pages(ram_block_shared_pages(rb))}${private_}\n`;
	}).join("");
}

function conversions_line(vm: qemu_vm): string {
	const c = vm.counts;

	return `  conversions: to shared ${c.private_to_shared} (${mib(c.to_shared_bytes)}), to private ` +
		`${c.shared_to_private} (${mib(c.to_private_bytes)}), of them by touch ${c.implicit}\n`;
}

export function summary(vm: qemu_vm): string {
	return `host: what it saw of ${vm.options.name ?? (vm.tdx === null ? "the VM" : "the TD")}\n` +
		exits_line(vm) + kvm_line(vm) + memory_lines(vm) + conversions_line(vm);
}
