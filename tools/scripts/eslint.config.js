// SPDX-License-Identifier: GPL-2.0
/*
 * Lint: layout as in the kernel, and what the portable core may not touch. No rule here needs types
 * (that takes minutes); those that do are in tools/scripts/layering.
 */

import path from "node:path";
import { fileURLToPath } from "node:url";
import stylistic from "@stylistic/eslint-plugin";
import tseslint from "typescript-eslint";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const CORE = ["mm/**/*.ts", "virt/**/*.ts", "arch/**/*.ts", "include/**/*.ts"];

const layout = {
	"@stylistic/no-trailing-spaces": "error",
	"@stylistic/eol-last": "error",
	"@stylistic/linebreak-style": "error",
	"@stylistic/semi": "error",
	"@stylistic/no-mixed-spaces-and-tabs": ["error", "smart-tabs"],
	"@stylistic/max-len": ["error", { code: 100, tabWidth: 8, ignoreUrls: true, ignoreStrings: true,
		ignoreTemplateLiterals: true, ignoreRegExpLiterals: true }],
	"@stylistic/keyword-spacing": "error",
	"@stylistic/space-before-blocks": "error",
	"@stylistic/comma-spacing": "error",
	"@stylistic/semi-spacing": "error",
	"@stylistic/no-extra-semi": "error",
	"@stylistic/brace-style": ["error", "1tbs", { allowSingleLine: true }],
	"@stylistic/function-call-spacing": "error",
	"@stylistic/space-unary-ops": "error",
	"local/tabs": "error",
	"local/case-at-switch": "error",
};

const sense = {
	"no-debugger": "error",
	"no-duplicate-case": "error",
	"no-unsafe-finally": "error",
	"no-self-assign": "error",
	"no-self-compare": "error",
	"no-var": "error",
	"no-dupe-keys": "error",
	"no-dupe-else-if": "error",
	"no-unreachable": "error",
	"no-restricted-syntax": ["error",
		{ selector: "TSEnumDeclaration", message: "one constant per member and a union type" },
		{ selector: "TSParameterProperty", message: "declare the field" },
		{ selector: "TSModuleDeclaration[declare!=true]", message: "modules are the namespaces" },
	],
	eqeqeq: "error",
	"prefer-const": ["error", { destructuring: "all" }],
	"@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_",
		args: "none", caughtErrors: "none" }],
	"@typescript-eslint/no-explicit-any": "error",
	"@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
	"@typescript-eslint/no-duplicate-enum-values": "error",
	"@typescript-eslint/no-this-alias": "error",
	"@typescript-eslint/ban-ts-comment": "error",
	"@typescript-eslint/no-non-null-asserted-optional-chain": "error",
};

/** Indentation is tabs; spaces may only follow them, to align. */
const tabs = {
	create: (context) => ({
		Program() {
			context.sourceCode.lines.forEach((line, i) => {
				/* a comment's " * " is no indentation */
				if (/^\t* {8}/.test(line) || /^\t* +\t/.test(line))
					context.report({ loc: { line: i + 1, column: 0 }, message: "indent with tabs" });
			});
		},
	}),
};

/** `case` stands below the `s` of `switch`. */
const case_at_switch = {
	create: (context) => ({
		SwitchStatement(node) {
			const row = (at) => at.loc.start.line;
			const lead = (at) => /^\s*/.exec(context.sourceCode.lines[row(at) - 1])[0];
			for (const arm of node.cases) {
				if (row(arm) !== row(node) && lead(arm) !== lead(node))
					context.report({ node: arm, message: "case belongs at the level of switch" });
			}
		},
	}),
};

const impure = ["Date", "setTimeout", "setInterval", "setImmediate", "queueMicrotask", "performance",
	"process", "require", "Buffer", "crypto", "fetch", "console"];

export default [
	{ ignores: ["build/**", "node_modules/**", "tools/scripts/layering/fixtures/**"] },
	{
		basePath: root,
		files: ["**/*.ts", "**/*.js"],
		languageOptions: { parser: tseslint.parser },
		linterOptions: { reportUnusedDisableDirectives: "error" },
		plugins: {
			"@stylistic": stylistic,
			"@typescript-eslint": tseslint.plugin,
			local: { rules: { tabs, "case-at-switch": case_at_switch } },
		},
		rules: { ...layout, ...sense },
	},
	{
		basePath: root,
		files: CORE,
		rules: {
			"no-restricted-globals": ["error", ...impure.map((name) => ({ name,
				message: "the core is a function of its inputs" }))],
			"no-restricted-properties": ["error", { object: "Math", property: "random",
				message: "randomness comes from the boot seed" }],
		},
	},
];
