// SPDX-License-Identifier: GPL-2.0
/*
 * The end of a host. Port-only.
 */

/**
 * Nothing on this host runs again. panic() throws it, and the machine when it stops; only the host
 * runner catches it.
 */
export class host_dead extends Error {
	constructor(what: string) {
		super(what);
		this.name = "host_dead";
	}
}
