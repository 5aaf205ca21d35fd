using Cellcast.Tensors.Autodiff;

namespace Cellcast.Tensors;

/// <summary>Float32 numbers, contiguous, row by row (the last dimension runs fastest).</summary>
/// <remarks>A tensor made here owns its memory. A tensor that an <see cref="Op"/> returned belongs to its <see cref="Autodiff.Tape"/>
/// and dies at <see cref="Autodiff.Tape.Reset"/>; copy what must outlive it.</remarks>
public class Tensor
{
    private readonly int[] _shape;
    private readonly GradientSlot _slot;
    private TensorStorage? _storage;
    private Tensor? _gradient;

    internal Tensor(TensorStorage storage, int[] shape, Tape? tape = null, bool requiresGradient = false)
        : this(storage, shape, tape, new GradientSlot { Required = requiresGradient, Tape = tape })
    {
    }

    private protected Tensor(TensorStorage storage, int[] shape, Tape? tape, GradientSlot slot)
    {
        _shape = shape;
        Length = CountOf(shape);
        Columns = shape[^1];
        Rows = Columns == 0 ? 0 : Length / Columns;
        _storage = storage;
        Tape = tape;
        _slot = slot;
    }

    /// <summary>Sizes of all dimensions, at least one.</summary>
    public ReadOnlySpan<int> Shape => _shape;

    /// <summary>Size of the last dimension.</summary>
    public int Columns { get; }

    /// <summary>Product of all dimensions but the last.</summary>
    public int Rows { get; }

    /// <summary>How many numbers it holds.</summary>
    public int Length { get; }

    /// <summary>The numbers, on the host.</summary>
    /// <exception cref="InvalidOperationException">The tape that owned it was reset.</exception>
    public Span<float> Span => Storage.Span[..Length];

    /// <summary>The numbers, on the host, in a form that closures can hold.</summary>
    /// <exception cref="InvalidOperationException">The tape that owned it was reset.</exception>
    public Memory<float> Memory => Storage.Memory[..Length];

    /// <summary>Whether <see cref="Autodiff.Tape.Backward"/> computes a gradient with respect to it.</summary>
    public bool RequiresGradient => _slot.Required;

    /// <summary>Whether a gradient has arrived since the last clearing.</summary>
    public bool HasGradient => _slot.Defined;

    /// <summary>The gradient of the loss with respect to it, same shape; zeros as long as none has arrived. Custom operations add to it.</summary>
    /// <exception cref="InvalidOperationException">The tensor requires no gradient.</exception>
    public Tensor Gradient
    {
        get
        {
            var g = GradientForUpdate(out bool accumulate);
            if (!accumulate) g.Span.Clear();
            return g;
        }
    }

    /// <summary>A copy of the numbers.</summary>
    public float[] ToArray() => Span.ToArray();

    /// <summary>The single number of a tensor of length one.</summary>
    /// <exception cref="InvalidOperationException">It holds more or fewer.</exception>
    public float ToScalar() => Length == 1 ? Span[0] : throw new InvalidOperationException($"a tensor of shape {ShapeText} is not a single number");

    /// <summary>A tensor with a copy of the values.</summary>
    /// <param name="values">As many as the shape holds, row by row.</param>
    /// <param name="shape">Sizes of the dimensions; none means a vector.</param>
    /// <exception cref="ArgumentException">The shape holds another number of values.</exception>
    public static Tensor From(ReadOnlySpan<float> values, params int[] shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        if (shape.Length == 0) shape = [values.Length];
        RequireCount(values.Length, shape);
        var t = new Tensor(new HostStorage(values.Length, cleared: false), [.. shape]);
        values.CopyTo(t.Span);
        return t;
    }

    /// <summary>A tensor of zeros.</summary>
    /// <param name="shape">Sizes of the dimensions.</param>
    public static Tensor Zeros(params int[] shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        return new Tensor(new HostStorage(CountOf(shape), cleared: true), [.. shape]);
    }

    /// <summary>Its shape in words, for messages: <c>[3, 4]</c>.</summary>
    public string ShapeText => "[" + string.Join(", ", _shape) + "]";

    /// <inheritdoc/>
    public override string ToString() => "Tensor " + ShapeText;

    internal Tape? Tape { get; }

    internal TensorStorage Storage => _storage ?? throw new InvalidOperationException("this tensor belonged to a tape that has been reset; copy results before Tape.Reset");

    internal int[] ShapeArray => _shape;

    /// <summary>The same numbers and the same gradient under another shape.</summary>
    internal Tensor View(int[] shape, Tape? tape)
    {
        RequireCount(Length, shape);
        return new Tensor(Storage, shape, tape, _slot);
    }

    /// <summary>The gradient's memory, to be added to if <paramref name="accumulate"/> and to be overwritten completely if not.</summary>
    internal Tensor GradientForUpdate(out bool accumulate)
    {
        if (!_slot.Required) throw new InvalidOperationException($"no gradient is computed with respect to {this}");
        _ = Storage;
        _slot.Storage ??= _slot.Tape is null ? new HostStorage(Length, cleared: false) : _slot.Tape.Rent(Length);
        _gradient ??= new Tensor(_slot.Storage, _shape);
        accumulate = _slot.Defined;
        _slot.Defined = true;
        return _gradient;
    }

    /// <summary>Makes a tensor of the same tape and length the gradient, without a copy, if there is no gradient yet; parameters keep their own memory.</summary>
    internal bool TryAdoptGradient(Tensor gradient)
    {
        if (_slot.Tape is null || _slot.Storage is not null || !_slot.Required) return false;
        _slot.Storage = gradient.Storage;
        _slot.Defined = true;
        return true;
    }

    /// <summary>Forgets the gradient's values; the memory stays for the next one.</summary>
    private protected void ForgetGradient() => _slot.Defined = false;

    private protected void SetRequiresGradient(bool value) => _slot.Required = value;

    /// <summary>Cuts the tensor off its memory, which its tape takes back.</summary>
    internal void Detach()
    {
        _storage = null;
        _gradient = null;
    }

    internal static int CountOf(ReadOnlySpan<int> shape)
    {
        if (shape.Length == 0) throw new ArgumentException("a tensor has at least one dimension", nameof(shape));
        long n = 1;
        foreach (int d in shape)
        {
            if (d < 0) throw new ArgumentException("a dimension is negative: [" + string.Join(", ", shape.ToArray()) + "]", nameof(shape));
            n *= d;
            if (n > Array.MaxLength) throw new ArgumentException("too many numbers for one tensor: [" + string.Join(", ", shape.ToArray()) + "]", nameof(shape));
        }
        return (int)n;
    }

    private static void RequireCount(int length, int[] shape)
    {
        if (CountOf(shape) != length)
            throw new ArgumentException($"{length} numbers do not fill the shape [{string.Join(", ", shape)}]", nameof(shape));
    }

    /// <summary>Gradient state, shared by a tensor and its reshaped views.</summary>
    private protected sealed class GradientSlot
    {
        internal Tape? Tape;
        internal TensorStorage? Storage;
        internal bool Required;
        internal bool Defined;
    }
}
