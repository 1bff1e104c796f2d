# SPDX-License-Identifier: GPL-2.0
#
# What one types; `make help` lists it. Each configuration is built in build/NAME.

MAKEFLAGS += --no-print-directory -rR
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

ifeq ($(V),1)
  Q :=
else
  Q := @
endif

empty :=
space := $(empty) $(empty)

# KCONFIG_OVERRIDE="NAME=n ..." becomes part of the configuration's name: kselftest.NAME-n
override_suffix := $(subst $(space),,$(addprefix .,$(subst =,-,$(subst CONFIG_,,$(KCONFIG_OVERRIDE)))))
CONFIG    := default$(override_suffix)
KSELFTEST := kselftest$(override_suffix)

SCRIPTS := build/scripts/tools/scripts
BIN     := node_modules/.bin
# `warn` links what is there and names the rest; for work on a tree that is not whole
KBUILD_MISSING ?= error

# only npm speaks TLS, and node reads these certificates whenever it starts
unexport NODE_EXTRA_CA_CERTS

# a host's physical memory is one large allocation: let it have huge pages
bench qemu: export GLIBC_TUNABLES ?= glibc.malloc.hugetlb=1

# ---------------------------------------------------------------------------
# The build. Stamps carry the time before the step started, so that an edit meanwhile counts.

ROOTS     := mm virt arch include tools
dirs      := $(shell find $(ROOTS) -type d)
sources   := $(shell find $(ROOTS) -name '*.ts')
scripts   := $(filter tools/scripts/%,$(dirs) $(sources)) tools/scripts/kbuild/compile.js
kconfigs  := $(shell find $(ROOTS) -name 'Kconfig*') arch/x86/configs/x86_64_defconfig \
	     $(wildcard tools/testing/selftests/*/config)
makefiles := $(shell find $(ROOTS) -name 'Makefile*')
install   := node_modules/.package-lock.json

define step
	@mkdir -p $(@D) && touch $@.new
	@printf '  %-7s %s\n' $(1) '$(2)'
	$(Q)$(3)
	@mv -f $@.new $@
endef

$(install): package-lock.json
	@printf '  %-7s %s\n' NPM ci
	$(Q)NODE_EXTRA_CA_CERTS='$(NODE_EXTRA_CA_CERTS)' npm ci --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

build/scripts/.compile: $(scripts) package.json $(install)
	$(call step,STRIP,build/scripts,node tools/scripts/kbuild/compile.js build/scripts tools/scripts)

build/%/.kconfig: $(kconfigs) build/scripts/.compile
	$(call step,CONF,$(@D)/.config,node $(SCRIPTS)/kconfig/main.js $*)

build/%/.link: build/%/.kconfig $(makefiles) $(dirs)
	$(call step,LINK,$(@D)/generated/vmlinux.ts,node $(SCRIPTS)/kbuild/link.js $* $(KBUILD_MISSING))

build/%/.compile: build/%/.link $(sources) package.json
	$(call step,STRIP,$(@D),node tools/scripts/kbuild/compile.js $(@D) $(ROOTS))

# programs that are to run fast, each as one module; the arguments are for image.js
define image
	@printf '  %-7s %s\n' LTO '$@'
	$(Q)node $(SCRIPTS)/kbuild/image.js build/$* $(1)
endef

build/%/image/one.mjs: build/%/.compile
	$(call image,tools/perf/bench/one)

build/%/image/host.mjs: build/%/.compile
	$(call image,tools/qemu/host)

build/%/image/run_init.cjs: build/%/.compile
	$(call image,tools/testing/selftests/kselftest/run_init $(@D)/../$(code_test))

# what the selftests' image is run with to see what of it V8 had better compile beforehand
code_test := tools/testing/selftests/kvm/x86_64/sync_regs_test.js

.SECONDARY:

PHONY += all
all: build/$(CONFIG)/.compile
	@echo 'Next: make kselftest'

# ---------------------------------------------------------------------------
# Tests

# selftests may name configurations in their settings: TEST.kconfig=NAME=n is their own,
# TEST.other_kconfig=NAME=n that of hosts that they start
named := $(filter-out $(override_suffix:.%=%),$(shell \
	 sed -n 's/^[^\#]*\.\(other_\)*kconfig=//p' tools/testing/selftests/*/settings 2>/dev/null | \
	 sed 's/CONFIG_//g; s/ /./g; s/=/-/g'))

PHONY += kselftest kselftest-all
# one test alone runs from the files: linking takes longer than it does
kselftest-all: build/$(KSELFTEST)/.compile $(named:%=build/$(KSELFTEST).%/.compile) \
	       $(if $(TEST),,build/$(KSELFTEST)/image/run_init.cjs)
	@:

kselftest:
	@$(MAKE) -C tools/testing/selftests run_tests

kselftest-%: ;
	@$(MAKE) -C tools/testing/selftests $*

PHONY += kunit
kunit: build/default/.compile
	$(Q)$(BIN)/vitest run --config tools/scripts/vitest.config.ts $(KUNIT)

PHONY += conformance
conformance: build/$(CONFIG)/.compile
	$(Q)node build/$(CONFIG)/tools/testing/conformance/main.js $(if $(CASES),--cases $(CASES)) \
		$(if $(TAG),--tag $(TAG))

# `make test` looks at the build without private memory too
OFF := $(if $(KCONFIG_OVERRIDE),,HAVE_KVM_PRIVATE_MEM=n)
off := $(subst =,-,$(OFF))

PHONY += test
test: build/default/.compile build/$(CONFIG)/.compile kselftest-all \
      $(off:%=build/default.%/.compile) $(off:%=build/kselftest.%/.compile)
	$(Q)node $(SCRIPTS)/test/main.js $(CONFIG) $(KSELFTEST) $(OFF)

PHONY += coverage
coverage: kselftest-all
	$(Q)node $(SCRIPTS)/coverage/main.js $(KSELFTEST)

PHONY += bench
bench: build/$(CONFIG)/image/one.mjs build/$(KSELFTEST)/image/one.mjs
	$(Q)KSELFTEST=$(KSELFTEST) node build/$(CONFIG)/tools/perf/bench/main.js $(ARGS)

# ---------------------------------------------------------------------------
# The VMM; HOST describes the host it runs on

PHONY += qemu
qemu: build/$(CONFIG)/image/host.mjs
	@PRIVMEM_HOST='$(HOST)' node build/$(CONFIG)/tools/qemu/main.js $(ARGS)

# ---------------------------------------------------------------------------
# Checks

PHONY += check check-types check-lint check-layering check-imports hunkmap
check: check-types check-lint check-layering check-imports hunkmap
	@echo 'Next: make test'

check-types: build/default/.link
	@printf '  %-7s %s\n' TSC tsconfig.json
	$(Q)$(BIN)/tsc -p tsconfig.json --incremental --tsBuildInfoFile build/tsc.tsbuildinfo

check-lint: $(install)
	@printf '  %-7s %s\n' ESLINT tools/scripts/eslint.config.js
	$(Q)$(BIN)/eslint -c tools/scripts/eslint.config.js --cache --cache-location build/eslint.cache \
		--max-warnings 0 --no-error-on-unmatched-pattern $(ROOTS)

check-layering: build/default/.link
	@printf '  %-7s %s\n' LAYERS tools/scripts/layering
	$(Q)node $(SCRIPTS)/layering/main.js

check-imports: build/default/.compile
	@printf '  %-7s %s\n' DEPCRUISE tools/scripts/dependency-cruiser.config.cjs
	$(Q)$(BIN)/depcruise --config tools/scripts/dependency-cruiser.config.cjs --output-type err \
		$(ROOTS)

hunkmap: build/scripts/.compile
	@printf '  %-7s %s\n' HUNKMAP Documentation/port/v8-hunks.json
	$(Q)node $(SCRIPTS)/hunkmap/main.js

PHONY += preimage
preimage: build/scripts/.compile
	@printf '  %-7s %s\n' PREIMAGE Documentation/port/v8-preimage.json
	$(Q)node $(SCRIPTS)/hunkmap/preimage_main.js

# ---------------------------------------------------------------------------

PHONY += clean distclean help
clean:
	$(Q)rm -rf build

distclean: clean
	$(Q)rm -rf node_modules

help:
	@echo 'Tests:'
	@echo '  kselftest      - the selftests, each on a host of its own'
	@echo '                   TARGETS="kvm memfd"  only these directories'
	@echo '                   TEST=name            only this test'
	@echo '                   summary=1            results only; output goes to build/'
	@echo '                   HOST="vendor=amd"    options of the hosts'
	@echo '                   JOBS=n               how many tests run at once'
	@echo '  kunit          - white-box tests (KUNIT=name: files whose path has it)'
	@echo '  conformance    - replay of cases recorded on real Linux (CASES=dir: every file of dir;'
	@echo '                   TAG=tag: only cases with the tag)'
	@echo '  test           - all three, and some of it on a kernel without private memory'
	@echo '  coverage       - which lines the selftests reach: build/coverage/index.html'
	@echo '  bench          - the benchmarks'
	@echo ''
	@echo 'Running:'
	@echo "  qemu           - the VMM with QEMU's command line: make qemu ARGS='-m 512 -smp 2'"
	@echo '                   (tools/qemu/qemu-system-x86_64 takes the same; HOST as above)'
	@echo ''
	@echo 'Static checks:'
	@echo '  check          - types, lint, layers, hunk tags'
	@echo '  hunkmap        - where each hunk of the series went'
	@echo '  preimage       - where the hunks to come will find their old side'
	@echo ''
	@echo 'Building:'
	@echo '  all            - everything that programs run from, in build/default'
	@echo '  clean          - removes build/'
	@echo '  distclean      - removes node_modules/ as well'
	@echo ''
	@echo '  KCONFIG_OVERRIDE="NAME=n ..."  forces configuration symbols, even promptless ones'
	@echo '  V=1                            shows the commands'

.PHONY: $(PHONY)
