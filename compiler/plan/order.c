/* The order of kernels, and from it the lifetimes of buffers. */
#include "plan/fuse.h"

/* Clusters by ascending number of clusters before them would do; by id among the ready ones keeps the source's order. */
void kernels_order(Fuse *f) {
    int   n = f->clusters.len, left = n;
    bool *done = ARENA_ARRAY(f->c->arena, bool, n + 1);
    while (left) {
        int picked = -1;
        for (int i = 0; i < n && picked < 0; i++) {
            if (done[i]) continue;
            bool ready = true;
            for (int k = 0; k < n && ready; k++)
                if (!done[k] && k != i && cluster_precedes(f->clusters.data[k], f->clusters.data[i])) ready = false;
            if (ready) picked = i;
        }
        if (picked < 0) BUG("cyclic clusters");
        done[picked] = true;
        left--;
        Cluster *cluster = f->clusters.data[picked];
        if (!cluster->stores.len) continue;
        kernel_from_cluster(f, cluster);
        cluster->kernel->index = f->plan->kernels.len;
        vec_push(f->c->arena, &f->plan->kernels, cluster->kernel);
    }
}
