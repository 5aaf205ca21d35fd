using Cellcast.Tensors.Random;

namespace Cellcast.Tensors.Nn;

/// <summary>A part of a network: parameters with names, of its own and of the parts it is made of.</summary>
public abstract class Module
{
    private readonly List<Parameter> _parameters = [];

    /// <summary>All parameters, in the order in which they were registered.</summary>
    public IReadOnlyList<Parameter> Parameters => _parameters;

    /// <summary>Freezes or thaws all parameters.</summary>
    /// <param name="frozen">Whether they shall stay as they are.</param>
    public void Freeze(bool frozen = true)
    {
        foreach (var p in _parameters) p.Frozen = frozen;
    }

    /// <summary>Copies of all parameters by name, in the layout of weight files (dense layers as outputs x inputs).</summary>
    public SortedDictionary<string, Tensor> ExportState()
    {
        var state = new SortedDictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var p in _parameters) state.Add(p.Name, p.ToFileLayout());
        return state;
    }

    /// <summary>Sets all parameters from what <see cref="ExportState"/> gave or a weight file holds.</summary>
    /// <param name="state">Values by name; names that the module does not have are ignored.</param>
    /// <exception cref="InvalidDataException">A parameter is missing or has another shape; then nothing is changed.</exception>
    public void ImportState(IReadOnlyDictionary<string, Tensor> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        foreach (var p in _parameters)
        {
            if (!state.TryGetValue(p.Name, out var t)) throw new InvalidDataException($"the weights lack '{p.Name}'");
            if (!t.Shape.SequenceEqual(p.FileShape))
                throw new InvalidDataException($"weight '{p.Name}' has shape {t.ShapeText}, the model needs [{string.Join(", ", p.FileShape)}]");
        }
        foreach (var p in _parameters) p.FromFileLayout(state[p.Name].Span);
    }

    /// <summary>Makes a parameter part of this module.</summary>
    /// <exception cref="ArgumentException">There is another one of that name.</exception>
    protected Parameter Register(Parameter parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        if (_parameters.Exists(p => p.Name == parameter.Name)) throw new ArgumentException($"two parameters are named '{parameter.Name}'", nameof(parameter));
        _parameters.Add(parameter);
        return parameter;
    }

    /// <summary>Makes all parameters of another module part of this one.</summary>
    protected T Register<T>(T part) where T : Module
    {
        ArgumentNullException.ThrowIfNull(part);
        foreach (var p in part.Parameters) Register(p);
        return part;
    }

    /// <summary>Uniform on +-1/sqrt(fanIn), as PyTorch starts its dense layers, from numbers that depend on the key and the parameter's name only.</summary>
    protected static void InitializeUniform(Parameter parameter, int fanIn, RandomKey key)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        float bound = fanIn > 0 ? 1 / MathF.Sqrt(fanIn) : 0;
        var values = new float[parameter.Length];
        RandomFill.Uniform(key.Split(parameter.Name), values, -bound, bound);
        parameter.FromFileLayout(values);
    }
}
