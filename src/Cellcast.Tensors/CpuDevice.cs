namespace Cellcast.Tensors;

/// <summary>The processor: all cores, main memory.</summary>
public sealed partial class CpuDevice : Device
{
    private readonly BufferPool _pool = new();

    /// <summary>A device with its own threads and its own pool of memory.</summary>
    /// <param name="threads">How many threads compute; 0 for as many as there are cores.</param>
    public CpuDevice(int threads = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        Threads = threads == 0 ? Environment.ProcessorCount : threads;
    }

    /// <summary>How many threads compute.</summary>
    public int Threads { get; }

    /// <inheritdoc/>
    public override TensorStorage Allocate(int length) => _pool.Rent(length);

    /// <inheritdoc/>
    public override void Release(TensorStorage storage) => _pool.Return((HostStorage)storage);

    /// <inheritdoc/>
    public override void Fill(Tensor y, float value) => y.Span.Fill(value);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _pool.Clear();
        base.Dispose(disposing);
    }
}
