using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Autodiff;

/// <summary>Remembers the operations of one forward pass, runs them backwards, and owns every tensor in between.</summary>
/// <remarks>One tape serves one thread; the device behind it uses all cores. A training step: put the inputs on the tape, compute the loss with
/// <see cref="Op"/>, <see cref="Backward"/>, let an optimiser step, <see cref="Reset"/>. After the first step the same memory is used again and again.</remarks>
public sealed class Tape
{
    private readonly List<Entry> _entries = [];
    private readonly List<Tensor> _tensors = [];
    private readonly List<TensorStorage> _rented = [];
    private bool _backwardDone;

    /// <summary>A tape on a device.</summary>
    /// <param name="device">Computes; stays with the caller.</param>
    /// <param name="recordGradients">False where only values are wanted: nothing is recorded, whatever the parameters say.</param>
    public Tape(Device device, bool recordGradients = true)
    {
        ArgumentNullException.ThrowIfNull(device);
        Device = device;
        RecordsGradients = recordGradients;
    }

    /// <summary>Where the arithmetic happens.</summary>
    public Device Device { get; }

    /// <summary>Whether operations on tensors that require gradients are recorded. May be switched between steps, to validate with the training tape.</summary>
    public bool RecordsGradients { get; set; }

    /// <summary>How many operations are recorded at present.</summary>
    public int RecordedCount => _entries.Count;

    /// <summary>A constant: a copy of the values, no gradient.</summary>
    /// <param name="values">As many as the shape holds.</param>
    /// <param name="shape">Sizes of the dimensions.</param>
    /// <exception cref="ArgumentException">The shape holds another number of values.</exception>
    public Tensor Input(ReadOnlySpan<float> values, params ReadOnlySpan<int> shape)
    {
        if (Tensor.CountOf(shape) != values.Length)
            throw new ArgumentException($"{values.Length} numbers do not fill the shape [{string.Join(", ", shape.ToArray())}]", nameof(values));
        var t = NewTensor(shape);
        values.CopyTo(t.Span);
        return t;
    }

    /// <summary>A parameter (or any tensor without a tape) as an operand: same memory, same gradient. Needed only where an operation has no other operand on a tape.</summary>
    /// <param name="tensor">What to use.</param>
    public Tensor Use(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (tensor.Tape == this) return tensor;
        if (tensor.Tape is not null) throw new ArgumentException("the tensor belongs to another tape", nameof(tensor));
        return Keep(tensor.View(tensor.ShapeArray, this));
    }

    /// <summary>A tensor with undefined contents that lives until <see cref="Reset"/>: scratch, or the constant result of a custom operation.</summary>
    /// <param name="shape">Sizes of the dimensions.</param>
    public Tensor NewTensor(params ReadOnlySpan<int> shape) => Keep(new Tensor(Rent(Tensor.CountOf(shape)), shape.ToArray(), this));

    /// <summary>Records an operation of one's own.</summary>
    /// <param name="inputs">What it depends on.</param>
    /// <param name="shape">Shape of the result.</param>
    /// <param name="forward">Fills the result, completely.</param>
    /// <param name="backward">Reads the result's <see cref="Tensor.Gradient"/> and adds to the <see cref="Tensor.Gradient"/> of every input that has
    /// <see cref="Tensor.RequiresGradient"/>. Not called where no gradient is needed.</param>
    /// <param name="name">Name in messages.</param>
    /// <returns>The result.</returns>
    public Tensor Record(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<int> shape, Action<Tensor> forward, Action<Tensor> backward, [CallerMemberName] string name = "")
    {
        ArgumentNullException.ThrowIfNull(forward);
        ArgumentNullException.ThrowIfNull(backward);
        bool required = false;
        foreach (var x in inputs)
        {
            RequireMine(x);
            required |= x.RequiresGradient;
        }
        required &= RecordsGradients;
        var y = Keep(new Tensor(Rent(Tensor.CountOf(shape)), shape.ToArray(), this, required));
        forward(y);
        if (required) Add(name, y, backward);
        return y;
    }

    /// <summary>Computes the gradient of a loss with respect to everything that requires one.</summary>
    /// <param name="loss">A single number computed on this tape.</param>
    /// <exception cref="InvalidOperationException">The tape has run backwards already, or the loss depends on nothing that requires a gradient.</exception>
    public void Backward(Tensor loss)
    {
        ArgumentNullException.ThrowIfNull(loss);
        RequireMine(loss);
        if (loss.Length != 1) throw new ArgumentException($"a loss is a single number, not {loss.ShapeText}", nameof(loss));
        if (_backwardDone) throw new InvalidOperationException("this tape has run backwards already: add losses up before Backward, or Reset in between");
        if (!loss.RequiresGradient) throw new InvalidOperationException("the loss depends on nothing that requires a gradient");
        _backwardDone = true;
        Device.Fill(loss.GradientForUpdate(out _), 1);
        for (int i = _entries.Count - 1; i >= 0; i--)
            if (_entries[i].Output.HasGradient) _entries[i].Backward(_entries[i].Output);
    }

    /// <summary>Name and shape of the first recorded result that is not finite, or null: says where a loss went wrong.</summary>
    public string? FirstNonFinite()
    {
        foreach (var e in _entries)
            foreach (float v in e.Output.Span)
                if (!float.IsFinite(v)) return $"{e.Name} {e.Output.ShapeText}";
        return null;
    }

    /// <summary>Forgets all operations and takes back the memory of every tensor made on this tape.</summary>
    public void Reset()
    {
        foreach (var t in _tensors) t.Detach();
        foreach (var s in _rented) Device.Release(s);
        _tensors.Clear();
        _rented.Clear();
        _entries.Clear();
        _backwardDone = false;
    }

    /// <summary>The tape of the first operand that has one.</summary>
    internal static Tape Of(params ReadOnlySpan<Tensor?> operands)
    {
        Tape? tape = null;
        foreach (var t in operands)
        {
            if (t?.Tape is not { } found) continue;
            if (tape is not null && tape != found) throw new ArgumentException("operands belong to different tapes");
            tape = found;
        }
        return tape ?? throw new ArgumentException("no operand is on a tape: wrap a parameter with tape.Use(parameter)");
    }

    /// <summary>A tensor for an operation's result.</summary>
    internal Tensor Result(ReadOnlySpan<int> shape, bool requiresGradient) =>
        Keep(new Tensor(Rent(Tensor.CountOf(shape)), shape.ToArray(), this, requiresGradient && RecordsGradients));

    internal Tensor Keep(Tensor tensor)
    {
        _tensors.Add(tensor);
        return tensor;
    }

    /// <summary>Memory until the next reset.</summary>
    internal TensorStorage Rent(int length)
    {
        var s = Device.Allocate(length);
        _rented.Add(s);
        return s;
    }

    internal void Add(string name, Tensor output, Action<Tensor> backward) => _entries.Add(new Entry(name, output, backward));

    private void RequireMine(Tensor tensor)
    {
        if (tensor.Tape is not null && tensor.Tape != this) throw new ArgumentException("the tensor belongs to another tape", nameof(tensor));
    }

    private readonly record struct Entry(string Name, Tensor Output, Action<Tensor> Backward);
}
