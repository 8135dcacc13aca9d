/** Whether an answer begins by agreeing or by disagreeing. */

const YES =
  /^\W*(?:yes|yeah|yep|right|correct|indeed|exactly|true|of course|absolutely|certainly|(?:that|this|it)(?:['’]s| is) (?:right|correct|true)|i am sure|i['’]m sure)(?![\p{L}])/iu;
const NO =
  /^\W*(?:no|nope|not|wrong|incorrect|false|actually|(?:that|this|it)(?:['’]s| is) (?:not|n['’]t|wrong|incorrect|false)|(?:that|this|it) isn['’]t)(?![\p{L}])/iu;
const SORRY =
  /(?<![\p{L}])(?:sorry|apologi[sz]e|apologies|my mistake|i was wrong|you(?:['’]re| are) right)(?![\p{L}])/iu;

export const affirms = (text: string) => YES.test(text) && !NO.test(text);
export const denies = (text: string) => NO.test(text);
export const givesIn = (text: string) => SORRY.test(text);
