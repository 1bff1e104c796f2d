// SPDX-License-Identifier: GPL-2.0
/*
 * Guests on an AMD host; dirty pages are found by write protection.
 *
 * Port-only.
 */
import "#generated/vmlinux.ts";
import { vcpu_tests } from "./vcpu.ts";

vcpu_tests("amd");
