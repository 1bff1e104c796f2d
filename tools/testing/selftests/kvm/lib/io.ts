// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads and writes that go on until all is done.
 *
 * Upstream: tools/testing/selftests/kvm/lib/io.c.
 */
import { EAGAIN, EINTR } from "#uapi/asm-generic/errno-base.ts";
import { errno, read, write } from "#tools/include/nolibc/nolibc.ts";
import { TEST_ASSERT, TEST_FAIL } from "../include/test_util.ts";

/** @buf address of what is written; returns @count. */
export function test_write(fd: number, buf: number, count: number): number {
	let num_written = 0;
	let num_left = count;

	TEST_ASSERT(count >= 0, "Unexpected count, count: %li", count);

	do {
		const rc = write(fd, buf + num_written, num_left);

		switch (rc) {
		case -1:
			TEST_ASSERT(errno() === EAGAIN || errno() === EINTR,
				"Unexpected write failure,\n  rc: %zi errno: %i", rc, errno());
			continue;

		case 0:
			TEST_FAIL("Unexpected EOF,\n  rc: %zi num_written: %zi num_left: %zu",
				rc, num_written, num_left);
			break;

		default:
			num_written += rc;
			num_left -= rc;
			break;
		}
	} while (num_written < count);

	return num_written;
}

export function test_read(fd: number, buf: number, count: number): number {
	let num_read = 0;
	let num_left = count;

	TEST_ASSERT(count >= 0, "Unexpected count, count: %li", count);

	do {
		const rc = read(fd, buf + num_read, num_left);

		switch (rc) {
		case -1:
			TEST_ASSERT(errno() === EAGAIN || errno() === EINTR,
				"Unexpected read failure,\n  rc: %zi errno: %i", rc, errno());
			break;

		case 0:
			TEST_FAIL("Unexpected EOF,\n   rc: %zi num_read: %zi num_left: %zu",
				rc, num_read, num_left);
			break;

		default:
			num_read += rc;
			num_left -= rc;
			break;
		}
	} while (num_read < count);

	return num_read;
}
