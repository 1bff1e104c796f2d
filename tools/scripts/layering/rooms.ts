// SPDX-License-Identifier: GPL-2.0
/*
 * The rooms of the house and which of them may see which: Documentation/port/README.md in code.
 *
 * Port-only. What counts is where a name is defined, not the header that passes it on, except
 * where a rule says `through`.
 */

export type room =
	| "asm-generic" | "uapi" | "header" | "asm" | "autoconf" | "vmlinux"
	| "mm" | "virt/kvm" | "x86/kvm" | "x86/entry" | "x86" | "isa" | "hw"
	| "nolibc" | "host" | "selftests" | "kselftest" | "conformance" | "kunit" | "qemu" | "tools";

/* the first that matches is the room */
const ROOMS: readonly [RegExp, room][] = [
	[/^include\/asm-generic\//, "asm-generic"],
	[/^(include|arch\/x86\/include)\/uapi\//, "uapi"],
	[/^include\//, "header"],
	[/^arch\/x86\/include\//, "asm"],
	[/^(build\/[^/]+\/)?generated\/autoconf\.ts$/, "autoconf"],
	[/^(build\/[^/]+\/)?generated\/vmlinux\.ts$/, "vmlinux"],
	[/^mm\//, "mm"],
	[/^virt\/kvm\//, "virt/kvm"],
	[/^arch\/x86\/kvm\//, "x86/kvm"],
	[/^arch\/x86\/hw\/(isa|isa_guest|isa_td|guest_text|guest_types)\.ts$/, "isa"],
	[/^arch\/x86\/hw\//, "hw"],
	[/^arch\/x86\/entry\//, "x86/entry"],
	[/^arch\/x86\/(kernel|mm|lib|virt)\//, "x86"],
	[/^tools\/include\//, "nolibc"],
	[/^tools\/testing\/host\//, "host"],
	/* the launcher is the program's side of the runner */
	[/^tools\/testing\/selftests\/kselftest\/(run_init|linked)\.ts$/, "selftests"],
	[/^tools\/testing\/selftests\/kselftest\//, "kselftest"],
	[/^tools\/testing\/selftests\//, "selftests"],
	[/^tools\/testing\/conformance\//, "conformance"],
	[/^tools\/testing\/kunit\//, "kunit"],
	[/^tools\/qemu\//, "qemu"],
	[/^tools\//, "tools"],
];

export function room_of(file: string): room | null {
	return ROOMS.find(([at]) => at.test(file))?.[1] ?? null;
}

/** Rooms whose files are only ever named by headers: what C would call objects. */
export const OBJECTS: ReadonlySet<room> = new Set<room>(
	["mm", "virt/kvm", "x86/kvm", "x86/entry", "x86", "hw", "isa"]);

export interface via {
	readonly to: readonly room[];
	/** One of the files that the name passes on its way must match. */
	readonly through: RegExp;
	readonly say: string;
}

export interface rule {
	/** Rooms that may define what the room imports; its own always may. */
	readonly may: readonly room[] | "all";
	readonly through?: readonly via[];
}

const INCLUDE: readonly room[] = ["asm-generic", "uapi", "header", "asm", "autoconf"];
const USER: readonly room[] = ["asm-generic", "uapi", "isa", "nolibc"];
const HEADERS = /^(include\/(?!asm-generic|uapi)|arch\/x86\/include\/asm\/)/;
const any_header = (to: readonly room[]): via => ({ to, through: HEADERS, say: "a header" });

export const RULES: Readonly<Record<room, rule>> = {
	"asm-generic": { may: [] },
	uapi: { may: ["asm-generic"] },
	header: {
		may: INCLUDE,
		through: [any_header(["mm", "virt/kvm", "x86/kvm", "x86/entry", "x86", "hw"])],
	},
	/* inline assembly is the machine at work */
	asm: {
		may: [...INCLUDE, "hw", "isa"],
		through: [any_header(["mm", "virt/kvm", "x86/kvm", "x86/entry", "x86"])],
	},
	autoconf: { may: [] },
	vmlinux: { may: "all" },
	mm: {
		may: INCLUDE,
		through: [
			{ to: ["hw"], through: /^arch\/x86\/include\/asm\/(page|pgtable|pgalloc|tlbflush|tlb)/,
				say: "asm/page.ts, asm/pgtable.ts or asm/tlbflush.ts" },
			any_header(["x86", "x86/entry"]),
		],
	},
	"virt/kvm": {
		may: [...INCLUDE, "mm"],
		through: [
			{ to: ["x86/kvm", "hw"], through: /^arch\/x86\/include\/asm\/kvm_host\.ts$/,
				say: "asm/kvm_host.ts" },
			any_header(["x86", "x86/entry"]),
		],
	},
	"x86/kvm": {
		may: [...INCLUDE, "mm", "virt/kvm", "hw", "isa"],
		through: [any_header(["x86", "x86/entry"])],
	},
	"x86/entry": { may: [...INCLUDE, "mm", "hw", "isa", "x86"] },
	x86: { may: [...INCLUDE, "mm", "hw", "isa", "x86/entry"] },
	isa: { may: ["asm-generic", "hw"] },
	hw: { may: ["asm-generic", "isa"] },
	nolibc: { may: [...USER, "x86/entry"] },
	host: { may: ["asm-generic", "uapi", "hw", "isa", "x86/entry", "vmlinux"] },
	selftests: { may: [...USER, "host"] },
	kselftest: { may: ["tools", "host"] },
	conformance: { may: [...USER, "host"] },
	kunit: { may: "all" },
	qemu: { may: [...USER, "host"] },
	tools: { may: "all" },
};

/** Rooms that run in a browser too, and are functions of their inputs. */
export const CORE: ReadonlySet<room> = new Set<room>(["asm-generic", "uapi", "header", "asm",
	"autoconf", "mm", "virt/kvm", "x86/kvm", "x86/entry", "x86", "isa", "hw"]);
