find_package(PkgConfig REQUIRED)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd>=1.4)
set(_transcript ${CMAKE_SOURCE_DIR}/firmware/belfry/transcript)
tocsin_fuzzer(transcript_names SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_transcript_names.c ${_transcript}/part.c)
tocsin_fuzzer(transcript_zseek SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_transcript_zseek.c ${_transcript}/zseek.c)
tocsin_fuzzer(transcript_reader SOURCES ${CMAKE_CURRENT_LIST_DIR}/fuzz_transcript_reader.c ${_transcript}/mark.c
  ${_transcript}/part.c ${_transcript}/reader.c ${_transcript}/volume.c ${_transcript}/zseek.c
  ${CMAKE_SOURCE_DIR}/firmware/belfry/keeper/pack.c
  ${CMAKE_SOURCE_DIR}/firmware/belfry/transcript/share.c LIBS PkgConfig::ZSTD SEEDS ${CMAKE_CURRENT_LIST_DIR}/seeds/transcript_reader)
