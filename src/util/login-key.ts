/** The form in which two logins are compared: Unicode NFC, case kept (P7). */
export function loginKey(login: string): string {
  return login.normalize('NFC');
}
