// SPDX-License-Identifier: GPL-2.0
/*
 * -help and -version.
 *
 * Port-only.
 */
export const QEMU_VERSION = { major: 7, minor: 1, micro: 0 };
export const VERSION = "QEMU emulator version 7.1.0 (privmem)\n";

export const HELP = `${VERSION}usage: qemu-system-x86_64 [options]

Standard options:
-machine [type=]q35[,prop[=value][,...]]
		accel=kvm, kernel-irqchip=on|off|split, smm=on|off|auto, pic=on|off|auto,
		confidential-guest-support=id, memory-backend=id
-accel kvm[,kernel-irqchip=on|off|split]
-cpu host[,tsc-frequency=hz][,pmu=on|off]
-smp [[cpus=]n][,maxcpus=n][,sockets=n][,dies=n][,cores=n][,threads=n]
-m [size=]megs[,slots=n,maxmem=size]
-name [guest=]name
-object memory-backend-ram,id=id,size=size[,share=on|off]
-object memory-backend-memfd,id=id,size=size[,hugetlb=on|off][,hugetlbsize=size][,seal=on|off]
-object memory-backend-memfd-private,id=id,size=size
-object tdx-guest,id=id[,debug=on|off][,sept-ve-disable=on|off][,mrconfigid=hex][,mrowner=hex]
		[,mrownerconfig=hex]

Boot:
-bios name      bundled firmware: bios (plain VMs), tdvf (TDs)
-kernel name    bundled kernel, started by the firmware: hello, touch, spin, mmio, triple-fault
-append text    its command line
-S              do not start the vCPUs: wait for cont
-no-reboot      exit instead of rebooting
-no-shutdown    stop before shutdown

Character devices:
-serial dev     stdio, mon:stdio, null, none, file:path, unix:path[,server=on][,wait=off]
-monitor dev    the same
-qmp dev        the same
-nographic      -serial mon:stdio; Ctrl-a c switches between serial port and monitor, Ctrl-a x quits
-display none

Debug:
-trace [enable=]pattern
		events of the VMM and of the host's kernel, by name
-D file         where they go; standard error without

The host is described by PRIVMEM_HOST, as for the selftests: PRIVMEM_HOST="vendor=amd cpus=4".
One of Intel's has TDX here unless it says tdx=off.
`;
