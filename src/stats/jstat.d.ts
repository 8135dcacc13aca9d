/** The part of jstat that is used here; the package has no types of its own. */
declare module 'jstat' {
  interface Distribution {
    cdf(x: number, ...parameters: number[]): number;
    pdf(x: number, ...parameters: number[]): number;
    inv(p: number, ...parameters: number[]): number;
  }
  const jstat: { jStat: { normal: Distribution; studentt: Distribution; binomial: Distribution } };
  export default jstat;
}
