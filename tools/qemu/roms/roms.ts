// SPDX-License-Identifier: GPL-2.0
/*
 * Firmware by name.
 *
 * Port-only.
 */
import { bios_image } from "./bios.ts";
import { tdvf_image } from "./tdvf.ts";

export interface rom_image {
	/** its size is a multiple of 64 KiB, its end is at 4 GiB */
	readonly bytes: Uint8Array;
}

export function find_rom(name: string): rom_image | null {
	switch (name) {
	case "bios":
		return { bytes: bios_image() };
	case "tdvf":
		return { bytes: tdvf_image() };
	default:
		return null;
	}
}
