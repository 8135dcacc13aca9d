import koffi from 'koffi';

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;

/**
 * Makes the kernel end this process as soon as its parent is gone, on Linux. Elsewhere the closed channel to the parent does it,
 * which a long native call does not notice before it returns.
 */
export function dieWithParent(): void {
  if (process.platform !== 'linux') return;
  try {
    const prctl = koffi
      .load(null)
      .func('int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)');
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  } catch {
    // A C library without it: the closed channel has to do.
  }
}
