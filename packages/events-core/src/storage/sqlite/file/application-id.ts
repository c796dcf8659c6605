/** Marks a file as an event store, in the place that SQLite's header has for it: 'VWEV'. */
export const APPLICATION_ID = 0x56574556
