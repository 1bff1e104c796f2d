// SPDX-License-Identifier: GPL-2.0
/*
 * Command line options.
 *
 * Port-only in form: `for (const [opt, optarg] of getopt(argv, "hi:"))`. An unknown option, or one
 * without its argument, is "?"; what follows the options is `optind`.
 */

export let optind = 1;

export function* getopt(argv: readonly string[], spec: string):
	Generator<[opt: string, optarg: string], void, void> {
	for (optind = 1; optind < argv.length; ) {
		const word = argv[optind]!;
		if (word === "--") {
			optind++;
			return;
		}
		if (!word.startsWith("-") || word === "-")
			return;
		optind++;
		for (let i = 1; i < word.length; i++) {
			const at = spec.indexOf(word[i]!);
			if (at < 0 || word[i] === ":") {
				yield ["?", ""];
				continue;
			}
			if (spec[at + 1] !== ":") {
				yield [word[i]!, ""];
				continue;
			}
			const rest = word.slice(i + 1);
			if (rest === "" && optind === argv.length)
				yield ["?", ""];
			else
				yield [word[i]!, rest !== "" ? rest : argv[optind++]!];
			break;
		}
	}
}
