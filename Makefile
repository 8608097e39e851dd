# mount.ibmshare: build, check, install. Every target says what it needs when it is missing.

VERSION := 0.1.0

CC ?= gcc
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wvla -Wmissing-prototypes -Wformat=2 -Wconversion -Werror
HARDENING := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
PKGS := libcrypto json-c libmnl mount
# Only its headers: src/http.c loads it when it is needed.
PKGS_LOADED := libcurl
PKG_CONFIG ?= pkg-config
B := build

prefix ?= /usr
sbindir ?= /sbin
sysconfdir ?= /etc
unitdir ?= $(prefix)/lib/systemd/system
INSTALL ?= install

# Only asked when something is compiled: `make install` needs no compiler.
PKG_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(PKGS) $(PKGS_LOADED))
PKG_LIBS = $(shell $(PKG_CONFIG) --libs $(PKGS)) -ldl
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DIBMSHARE_VERSION='"$(VERSION)"' -Iinclude $(WARNINGS) $(HARDENING) $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now,--as-needed $(LDFLAGS)

LIB_SRC := $(filter-out src/main.c,$(wildcard src/*.c))
LIB_OBJ := $(LIB_SRC:src/%.c=$(B)/src/%.o)
HEADERS := $(wildcard include/ibmshare/*.h)
C_FILES := $(wildcard src/*.c include/ibmshare/*.h tests/*/*.c tests/*/*.h)
SHELL_FILES := $(shell grep -lE '^\#!.*\b(ba|da)?sh\b' -r scripts tests .ci install.sh 2>/dev/null)

.PHONY: all imds check check-asan check-lab fuzz lint format bench install uninstall clean
.DELETE_ON_ERROR:

all: $(B)/mount.ibmshare

$(B)/mount.ibmshare: $(B)/src/main.o $(B)/libibmshare.a
	@echo "LD $@"
	@$(CC) $(CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(B)/libibmshare.a: $(LIB_OBJ)
	@rm -f $@
	@$(AR) rcs $@ $^

$(B)/src/%.o: src/%.c $(HEADERS) Makefile
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(CC) $(ALL_CFLAGS) -c -o $@ $<

# The metadata stand-in of the tests.
IMDS_SRC := $(wildcard tests/imds/*.c)
imds: $(B)/imds
$(B)/imds: $(IMDS_SRC) $(wildcard tests/imds/*.h) Makefile
	@mkdir -p $(@D)
	@echo "LD $@"
	@$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -o $@ $(IMDS_SRC) \
		$(shell $(PKG_CONFIG) --cflags --libs libmicrohttpd libssl libcrypto json-c)

# Unit tests: a program a file of tests/unit. ASan and UBSan build everything a second time.
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
REPLAY_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/replay/%)
TEST_LIBS = -lcmocka $(PKG_LIBS)

$(B)/unit/%: tests/unit/%.c $(wildcard tests/unit/*.h) $(B)/libibmshare.a
	@mkdir -p $(@D)
	@echo "LD $@"
	@$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(B)/libibmshare.a $(TEST_LIBS)

$(B)/replay/%: tests/fuzz/%.c tests/fuzz/replay.c $(B)/libibmshare.a
	@mkdir -p $(@D)
	@echo "LD $@"
	@$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< tests/fuzz/replay.c $(B)/libibmshare.a $(PKG_LIBS)

check: $(UNIT_BIN) $(REPLAY_BIN)
	@tests/unit/run $(B)

check-asan:
	@$(MAKE) --no-print-directory B=$(B)/asan CFLAGS="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -U_FORTIFY_SOURCE" check

# `make fuzz SECONDS=60` runs each fuzz target for that long; needs clang and libclang-rt.
SECONDS ?= 60
fuzz:
	@mkdir -p $(B)/fuzz
	@for f in $(FUZZ_SRC); do n=$$(basename $$f .c); echo "$$n"; \
		clang $(filter-out $(HARDENING),$(ALL_CFLAGS)) -fsanitize=fuzzer,address,undefined -o $(B)/fuzz/$$n $$f $(LIB_SRC) $(PKG_LIBS) && \
		mkdir -p $(B)/fuzz/corpus-$$n && \
		$(B)/fuzz/$$n -max_total_time=$(SECONDS) $(B)/fuzz/corpus-$$n tests/fuzz/corpus/$${n#fuzz_} || exit 1; done

check-lab: all imds
	@tests/lab/run

bench:
	@scripts/bench

# The benchmark's own: the same sources, but told that the kernel has no ESP.
$(B)/bench/mount.ibmshare: tests/bench/main.c src/main.c $(B)/libibmshare.a
	@mkdir -p $(@D)
	@echo "LD $@"
	@$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(B)/libibmshare.a $(PKG_LIBS)

lint:
	@echo "clang-format"; clang-format --dry-run -Werror $(C_FILES)
	@echo "clang"; for f in $(C_FILES:%.h=); do clang -fsyntax-only $(ALL_CFLAGS) -Itests/unit $$f || exit 1; done
	@echo "cppcheck"; cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability --std=c11 \
		--inline-suppr --suppress=missingIncludeSystem -Iinclude src tests/imds
	@echo "shellcheck"; shellcheck -x $(SHELL_FILES)

format:
	clang-format -i $(C_FILES)

install:
	@test -x $(B)/mount.ibmshare || { echo "build/mount.ibmshare is missing; run: make" >&2; exit 1; }
	$(INSTALL) -d -m 0755 $(DESTDIR)$(sbindir) $(DESTDIR)/opt/ibm/mount-ibmshare
	$(INSTALL) -m 0755 $(B)/mount.ibmshare $(DESTDIR)$(sbindir)/mount.ibmshare
	$(INSTALL) -D -m 0644 -t $(DESTDIR)$(unitdir) etc/mount-ibmshare-renew.service etc/mount-ibmshare-renew.timer
	@test -e $(DESTDIR)$(sysconfdir)/ibmcloud/share.conf || \
		$(INSTALL) -D -m 0644 etc/share.conf $(DESTDIR)$(sysconfdir)/ibmcloud/share.conf

uninstall:
	rm -f $(DESTDIR)$(sbindir)/mount.ibmshare $(DESTDIR)$(unitdir)/mount-ibmshare-renew.service \
		$(DESTDIR)$(unitdir)/mount-ibmshare-renew.timer $(DESTDIR)$(sysconfdir)/cron.d/mount-ibmshare

clean:
	rm -rf $(B)/src $(B)/unit $(B)/replay $(B)/fuzz $(B)/asan $(B)/bench $(B)/mount.ibmshare $(B)/libibmshare.a $(B)/imds
