using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors;

/// <summary>The processor: some threads, main memory.</summary>
public sealed partial class CpuDevice : Device
{
    private readonly BufferPool _pool = new();

    /// <summary>A device with its own threads and its own pool of memory.</summary>
    /// <param name="threads">How many threads compute; 0 for as many as there are cores.</param>
    public CpuDevice(int threads = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        Workers = new Workers(threads == 0 ? Environment.ProcessorCount : threads);
    }

    /// <summary>The threads, for those who call kernels themselves.</summary>
    public Workers Workers { get; }

    /// <inheritdoc/>
    public override TensorStorage Allocate(int length) => _pool.Rent(length);

    /// <inheritdoc/>
    public override void Release(TensorStorage storage) => _pool.Return((HostStorage)storage);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Workers.Dispose();
            _pool.Clear();
        }
        base.Dispose(disposing);
    }

    /// <summary>Memory for one call.</summary>
    private Scratch Borrow(int length) => new(_pool, length);

    private readonly ref struct Scratch(BufferPool pool, int length)
    {
        private readonly HostStorage _storage = pool.Rent(length);

        internal Span<float> Span => _storage.Span[..length];

        public void Dispose() => pool.Return(_storage);
    }
}
