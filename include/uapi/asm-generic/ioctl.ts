// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * How an ioctl() number is put together: direction, size of the argument, type, number.
 *
 * Upstream: include/uapi/asm-generic/ioctl.h.
 */

export const _IOC_NRBITS	= 8;
export const _IOC_TYPEBITS	= 8;
export const _IOC_SIZEBITS	= 14;
export const _IOC_DIRBITS	= 2;

export const _IOC_NRMASK	= (1 << _IOC_NRBITS) - 1;
export const _IOC_TYPEMASK	= (1 << _IOC_TYPEBITS) - 1;
export const _IOC_SIZEMASK	= (1 << _IOC_SIZEBITS) - 1;
export const _IOC_DIRMASK	= (1 << _IOC_DIRBITS) - 1;

export const _IOC_NRSHIFT	= 0;
export const _IOC_TYPESHIFT	= _IOC_NRSHIFT + _IOC_NRBITS;
export const _IOC_SIZESHIFT	= _IOC_TYPESHIFT + _IOC_TYPEBITS;
export const _IOC_DIRSHIFT	= _IOC_SIZESHIFT + _IOC_SIZEBITS;

export const _IOC_NONE		= 0;
export const _IOC_WRITE		= 1;
export const _IOC_READ		= 2;

export function _IOC(dir: number, type: number, nr: number, size: number): number {
	return (dir << _IOC_DIRSHIFT | type << _IOC_TYPESHIFT |
		nr << _IOC_NRSHIFT | size << _IOC_SIZESHIFT) >>> 0;
}

/** What sizeof() would be taken of: a layout, or a kind. */
export interface ioctl_arg {
	readonly size: number;
}

export const _IO = (type: number, nr: number): number => _IOC(_IOC_NONE, type, nr, 0);
export const _IOR = (type: number, nr: number, arg: ioctl_arg): number =>
	_IOC(_IOC_READ, type, nr, arg.size);
export const _IOW = (type: number, nr: number, arg: ioctl_arg): number =>
	_IOC(_IOC_WRITE, type, nr, arg.size);
export const _IOWR = (type: number, nr: number, arg: ioctl_arg): number =>
	_IOC(_IOC_READ | _IOC_WRITE, type, nr, arg.size);

export const _IOC_DIR = (nr: number): number => (nr >>> _IOC_DIRSHIFT) & _IOC_DIRMASK;
export const _IOC_TYPE = (nr: number): number => (nr >>> _IOC_TYPESHIFT) & _IOC_TYPEMASK;
export const _IOC_NR = (nr: number): number => (nr >>> _IOC_NRSHIFT) & _IOC_NRMASK;
export const _IOC_SIZE = (nr: number): number => (nr >>> _IOC_SIZESHIFT) & _IOC_SIZEMASK;
