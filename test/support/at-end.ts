/**
 * What is to be done when the tests of the file are over. Apart from what sees to it, as that is loaded again for each file,
 * and others in the same process are not.
 */
export const atEnd: (() => Promise<void>)[] = [];
