// SPDX-License-Identifier: GPL-2.0
/*
 * Where the hunks of the posted series went: tags in the tree against
 * Documentation/port/v8-hunks.json.
 *
 * Port-only. `@hunk P:N` is the Nth hunk of patch P in the file that the tag's file mirrors.
 */

export interface hunk {
	readonly hunk: number;
	readonly what: string;
	/** Lines that it added upstream. */
	readonly added?: number;
}

export interface patch {
	readonly patch: number;
	readonly subject: string;
	readonly files: readonly { readonly file: string; readonly hunks: readonly hunk[] }[];
}

export interface commit {
	readonly subject: string;
	/** Value of the `Upstream:` trailer, "" without one. */
	readonly upstream: string;
}

export interface tag {
	readonly patch: number;
	readonly hunk: number;
	readonly file: string;
	readonly line: number;
}

export interface place {
	readonly id: string;
	readonly what: string;
	/** "file:line"; empty if no tag names the hunk. */
	readonly at: readonly string[];
}

/** The file of the port that stands for a file of the kernel. */
export function mirror_of(file: string): string {
	if (file.endsWith(".c"))
		return file.replace(/\.c$/, ".ts");
	const is_public = /^(include|arch\/x86\/include)\//.test(file);
	return file.endsWith(".h") ? file.replace(/\.h$/, is_public ? ".ts" : ".h.ts") : file;
}

/** Whether @file is the mirror of @upstream, or a part of a header that was split. */
export function mirrors(file: string, upstream: string): boolean {
	const mirror = mirror_of(upstream);
	if (file === mirror)
		return true;
	const stem = mirror.replace(/\.ts$/, "");
	return upstream.endsWith(".h") && file.endsWith(".ts") &&
		(file.startsWith(`${stem}.`) || file.startsWith(`${stem}/`) || file === `${stem}_types.ts`);
}

/** Tags of one file; something that starts a comment must stand before @hunk. */
export function tags_of(file: string, text: string): tag[] {
	return text.split("\n").flatMap((line, i) => /(\/\/|\*|#|\.\.)/.test(line) ?
		[...line.matchAll(/@hunk ((?:\d+:\d+)(?:[ ,]+\d+:\d+)*)/g)]
			.flatMap((m) => m[1]!.split(/[ ,]+/)).map((ref) => {
				const [patch, hunk] = ref.split(":").map(Number) as [number, number];
				return { patch, hunk, file, line: i + 1 };
			}) : []);
}

/** The patches whose commit is in the history. */
export function in_history(patches: readonly patch[], history: readonly commit[]): patch[] {
	return patches.filter((p) => history.some((c) =>
		c.subject === p.subject || c.upstream.includes(p.subject)));
}

export interface report {
	readonly places: place[];
	readonly errors: string[];
}

export function map_hunks(patches: readonly patch[], tags: readonly tag[]): report {
	const errors: string[] = [], used = new Set<tag>();
	const places = patches.flatMap((p) => p.files.flatMap((f) => f.hunks.map((h): place => {
		const found = tags.filter((t) => t.patch === p.patch && t.hunk === h.hunk &&
			mirrors(t.file, f.file));
		found.forEach((t) => used.add(t));
		return { id: `${p.patch}:${f.file}:${h.hunk}`, what: h.what,
			at: found.map((t) => `${t.file}:${t.line}`) };
	})));
	for (const p of places) {
		if (p.at.length === 0)
			errors.push(`${p.id}: no place: ${p.what}`);
	}
	for (const t of tags) {
		if (!used.has(t))
			errors.push(`${t.file}:${t.line}: @hunk ${t.patch}:${t.hunk}: no such hunk here`);
	}
	return { places, errors };
}
