// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps JavaScript's 32-bit operators away from the kinds that are carried by wider numbers.
 *
 * Port-only. `gfn & (N - 1)` is exact for masks below 2^31 and allowed; everything else goes
 * through include/asm-generic/bits.ts.
 */

import ts from "typescript";
import { finding_at } from "#tools/scripts/layering/program.ts";
import type { finding, tree } from "#tools/scripts/layering/program.ts";

const K = ts.SyntaxKind;
const BITWISE = new Set([K.LessThanLessThanToken, K.GreaterThanGreaterThanToken,
	K.GreaterThanGreaterThanGreaterThanToken, K.AmpersandToken, K.BarToken, K.CaretToken,
	K.LessThanLessThanEqualsToken, K.GreaterThanGreaterThanEqualsToken,
	K.GreaterThanGreaterThanGreaterThanEqualsToken, K.AmpersandEqualsToken, K.BarEqualsToken,
	K.CaretEqualsToken]);

/** The name of the kind of a branded number, or null. */
function kind_of(t: tree, node: ts.Expression): string | null {
	const type = t.checker.getTypeAtLocation(node);
	if (!type.isIntersection())
		return null;
	const tag = type.types.find((part) => part.flags & ts.TypeFlags.Object &&
		part.getProperties().some((p) => String(p.escapedName).startsWith("__@kind")));
	return tag === undefined ? null : type.aliasSymbol?.name ?? t.checker.typeToString(type);
}

/** Literals, UPPER_CASE names, and what is computed from them, such as (PAGE_SIZE - 1). */
function is_mask(node: ts.Expression): boolean {
	if (ts.isParenthesizedExpression(node))
		return is_mask(node.expression);
	if (ts.isNumericLiteral(node))
		return Number(node.text) < 2 ** 31;
	if (ts.isIdentifier(node))
		return /^[A-Z][A-Z0-9_]*$/.test(node.text);
	if (!ts.isBinaryExpression(node))
		return false;
	/* X - 1 is the mask below X, whatever X is */
	if (node.operatorToken.kind === K.MinusToken && node.right.getText() === "1")
		return true;
	return is_mask(node.left) && is_mask(node.right);
}

function check_binary(t: tree, node: ts.BinaryExpression): string | null {
	const op = node.operatorToken;
	if (!BITWISE.has(op.kind))
		return null;
	const kind = kind_of(t, node.left) ?? kind_of(t, node.right);
	if (kind === null)
		return null;
	const masked = op.kind === K.AmpersandToken && (is_mask(node.right) || is_mask(node.left));
	return masked ? null : `${op.getText()} on ${kind}: use the helpers of #asm-generic/bits.ts`;
}

export function check_kinds(t: tree): finding[] {
	const out: finding[] = [];
	const visit = (node: ts.Node): void => {
		let why: string | null = null;
		if (ts.isBinaryExpression(node))
			why = check_binary(t, node);
		else if (ts.isPrefixUnaryExpression(node) && node.operator === K.TildeToken) {
			const kind = kind_of(t, node.operand);
			why = kind === null ? null : `~ on ${kind}: use the helpers of #asm-generic/bits.ts`;
		}
		if (why !== null)
			out.push(finding_at(t, node, why));
		ts.forEachChild(node, visit);
	};
	for (const file of t.files) {
		if (!t.relative(file).startsWith("include/asm-generic/"))
			visit(file);
	}
	return out;
}
