tocsin_fuzzer(fsevents SOURCES fuzz_fsevents.c ${CMAKE_SOURCE_DIR}/host-agent/watch/fs_events.c)
