# What the compiler adds against memory errors, as far as it knows it: TOCSIN_HARDENING, for our code and the libraries
# built here. Locals that are zeroed, in what is shipped only: sanitizers and other tools shall find that nobody set
# them.
include(CheckCCompilerFlag)
set(_hardening -fstack-protector-strong -fstack-clash-protection -fcf-protection=full)
if(CMAKE_BUILD_TYPE MATCHES "^(MinSizeRel|Release)$")
  list(APPEND _hardening -ftrivial-auto-var-init=zero)
endif()
set(TOCSIN_HARDENING "")
foreach(_flag ${_hardening})
  string(MAKE_C_IDENTIFIER "has${_flag}" _has)
  check_c_compiler_flag(${_flag} ${_has})
  if(${_has})
    list(APPEND TOCSIN_HARDENING ${_flag})
  endif()
endforeach()
