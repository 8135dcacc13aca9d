import { useEffect, useLayoutEffect, useRef } from 'react';

/** So many pixels may be missing at the end for it to be in sight: a reader who scrolls down to it seldom hits it exactly. */
const NEARLY = 80;
/** The same after a scroll upwards, by which a reader wants to stay: what a page that has become shorter may leave. */
const STILL = 1;

/**
 * Keeps the end of the conversation in sight while what stands in the page grows, if it was in sight before. A new turn,
 * which the reader has just asked for, is always scrolled to. The ref is for the element that holds conversation and dock:
 * whichever of the two grows, it does.
 */
export function useEndInSight(turns: number) {
  const frame = useRef<HTMLDivElement>(null);
  const inSight = useRef(true);
  const before = useRef(turns);

  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const shown = () => element.checkVisibility();
    let last = scrollY;
    const look = () => {
      if (!shown()) return;
      // Only a scroll upwards loses the end: until one after a growing answer is told of, the answer may have grown again.
      if (scrollY < last) inSight.current = fromEnd() <= STILL;
      else if (fromEnd() <= NEARLY) inSight.current = true;
      last = scrollY;
    };
    const follow = () => {
      if (!shown()) return;
      // Without turns there is a welcome, which is read from its beginning.
      if (inSight.current && before.current > 0) toEnd();
      else look();
    };
    // What a reader unfolds in an answer is to be read from its beginning.
    const unfold = (event: Event) => {
      const { target } = event;
      if (target instanceof Element && target.closest('.talk summary')) inSight.current = false;
    };
    const sizes = new ResizeObserver(follow);
    sizes.observe(element);
    addEventListener('scroll', look, { passive: true });
    addEventListener('resize', follow);
    element.addEventListener('click', unfold);
    return () => {
      sizes.disconnect();
      removeEventListener('scroll', look);
      removeEventListener('resize', follow);
      element.removeEventListener('click', unfold);
    };
  }, []);

  useLayoutEffect(() => {
    if (turns > before.current) {
      inSight.current = true;
      if (frame.current?.checkVisibility()) toEnd();
    }
    before.current = turns;
  }, [turns]);
  return frame;
}

function fromEnd(): number {
  return document.documentElement.scrollHeight - innerHeight - scrollY;
}

function toEnd(): void {
  scrollTo({ top: document.documentElement.scrollHeight, behavior: 'instant' });
}
