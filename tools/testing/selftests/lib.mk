# SPDX-License-Identifier: GPL-2.0
#
# What the Makefile of each directory of selftests includes, after it set
#
#	TEST_GEN_PROGS			programs: NAME is NAME.ts here
#	TEST_CUSTOM_PROGS, TEST_PROGS	run as well; NAME.sh is NAME.ts, and keeps its name in reports
#	TEST_GEN_PROGS_EXTENDED		built, not run
#	TEST_VENDORS			run each of them once more on hosts of these vendors (amd), as
#					NAME.VENDOR
#
# Everything is compiled by the top-level Makefile; there is nothing to build one by one.

selfdir := $(realpath $(dir $(filter %/lib.mk,$(MAKEFILE_LIST))))
top_srcdir := $(selfdir)/../../..
COLLECTION ?= $(patsubst $(selfdir)/%,%,$(CURDIR))

TESTS_TO_RUN := $(TEST_GEN_PROGS) $(TEST_CUSTOM_PROGS) $(TEST_PROGS)
VARIANTS_TO_RUN := $(foreach TEST,$(TESTS_TO_RUN),$(TEST) $(addprefix $(TEST).,$(TEST_VENDORS)))

all:
	@$(MAKE) --no-print-directory -C $(top_srcdir) kselftest-all

run_tests:
	@$(MAKE) --no-print-directory -C $(selfdir) TARGETS=$(COLLECTION) run_tests

emit_tests:
	@for TEST in $(VARIANTS_TO_RUN); do			\
		BASENAME_TEST=`basename $$TEST`;		\
		echo "$(COLLECTION):$$BASENAME_TEST";		\
	done

# the same with the path inside the directory, for the runner
emit_paths:
	@for TEST in $(VARIANTS_TO_RUN); do echo "$(COLLECTION):$$TEST"; done

clean:
	@:

.PHONY: run_tests all clean emit_tests emit_paths
