/** A JSON number for display: the same digits, with the integer part in groups of three. */
export function groupDigits(text: string): string {
  return text.replace(
    /^(-?)(\d{4,})(?=$|\.)/,
    (_, sign: string, whole: string) => sign + whole.replace(/\B(?=(\d{3})+$)/g, ','),
  );
}
