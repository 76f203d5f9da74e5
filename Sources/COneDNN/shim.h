#include <oneapi/dnnl/dnnl.h>
// Of the OpenMP run time that oneDNN is built with; sets the calling thread's own number.
extern void omp_set_num_threads(int count);
