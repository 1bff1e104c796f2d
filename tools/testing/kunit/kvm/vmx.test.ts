// SPDX-License-Identifier: GPL-2.0
/*
 * Guests on an Intel host; dirty pages are found by PML.
 *
 * Port-only.
 */
import "#generated/vmlinux.ts";
import { vcpu_tests } from "./vcpu.ts";

vcpu_tests("intel");
