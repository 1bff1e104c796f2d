#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs the selftests of this tree, with the options of an installed kselftest.
#
name=$0
cd "$(dirname "$0")/../../.." || exit 1
make --no-print-directory -s -C tools/testing/selftests list >&2 || exit 1
exec node build/kselftest/tools/testing/selftests/kselftest/main.js --name "$name" -- "$@"
