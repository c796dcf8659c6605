/** Marks a file as an event store, in the application id of SQLite's header: 'VWEV'. */
export const APPLICATION_ID = 0x56574556
