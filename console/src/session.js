// Who is at the page: a token, kept for as long as the tab is open, and whose it is.

import { Api } from "./api.js";

const KEPT = "hakiri-token";
const ROLES = ["viewer", "editor", "operator", "owner"];

export const keptToken = () => sessionStorage.getItem(KEPT);

export function forget() {
  sessionStorage.removeItem(KEPT);
}

export const may = (role, needed) => ROLES.indexOf(role) >= ROLES.indexOf(needed);

// Throws Refused if the server does not know the token.
export async function signIn(text) {
  const token = text.trim();
  // What no header can carry is no token; the server would not even see it.
  const api = new Api(/^[\x21-\x7e]{1,256}$/.test(token) ? token : "none");
  const who = await whoIs(api, token);
  sessionStorage.setItem(KEPT, token);
  return { api, token, ...who };
}

// Whose a token is. A token may do what its member may, or less.
export async function whoIs(api, token) {
  const [tokens, members] = await Promise.all([api.get("/tokens"), api.get("/members")]);
  const id = token.split("_")[1];
  const own = tokens.items.find((one) => one.id === id);
  const member = members.items.find((one) => one.name === own.member);
  return { name: member.name, role: ROLES[Math.min(ROLES.indexOf(own.role), ROLES.indexOf(member.role))] };
}
