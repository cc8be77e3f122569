# The only place with -m flags. Each folder below src/kernels/x86/ is one instruction set: its sources
# alone get its flags, and kernels/select.cc may hand out its table only where the processor has every
# feature named here (sys/cpu_features.h). Included from src/CMakeLists.txt, since CMake keeps the flags
# of a source per folder. Sets CARAT_ISA_SOURCES, the sources for this family of processors.
set(CARAT_ISA_avx2 -mavx2 -mfma -mf16c)
set(CARAT_ISA_avx512 ${CARAT_ISA_avx2} -mavx512f -mavx512bw -mavx512dq -mavx512vl;-Wno-uninitialized)
set(CARAT_ISA_avxvnni ${CARAT_ISA_avx2} -mavxvnni)
set(CARAT_ISA_avx512vnni ${CARAT_ISA_avx512} -mavx512vnni)
set(CARAT_ISA_amx ${CARAT_ISA_avx512vnni} -mavx512bf16 -mamx-tile -mamx-int8 -mamx-bf16)

# Checks of every number in these long functions take a compiler minutes; the scalar twins, which they are
# tested against, have them. Memory is checked in both.
if(CARAT_SANITIZE MATCHES "undefined")
  foreach(isa avx2 avx512 avxvnni avx512vnni amx)
    list(APPEND CARAT_ISA_${isa} -fno-sanitize=undefined)
  endforeach()
endif()

set(CARAT_ISA_SOURCES "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  foreach(isa avx2 avxvnni avx512 avx512vnni amx)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/kernels/x86/${isa}/*.cc)
    list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
    if(sources)
      set_source_files_properties(${sources} PROPERTIES COMPILE_OPTIONS "${CARAT_ISA_${isa}}")
    endif()
    list(APPEND CARAT_ISA_SOURCES ${sources})
  endforeach()
endif()
